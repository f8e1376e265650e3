"""Notices: what is written to the receiver administrator at the steps that need a word from one side to the other."""

from gateway.renewal.notices.notice_text import NOTICE_STEPS, TemplateRefused, WrittenNotice, notice_mail, write_notice

__all__ = ["NOTICE_STEPS", "TemplateRefused", "WrittenNotice", "notice_mail", "write_notice"]
