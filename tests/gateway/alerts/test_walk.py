"""The partner has switched and nobody told us: from the alert to the cure in four commands, each said before.

Everything is real: a gateway, a receiver that signs with another key from one message to the next, a mail server, a
webhook, and commands that are started as a person starts them.
"""

import asyncio
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

from tests.gateway.alerts.hooks import channel, webhook
from tests.gateway.alerts.mail_server import mail_server
from tests.gateway.alerts.test_told_by_a_gateway import tell, until
from tests.gateway.cli.running import Run
from tests.gateway.exchange.harness import signed
from tests.gateway.renewal.running_gateway import play, stage

GUIDE = Path(__file__).parents[3] / "docs" / "operate.md"
PASSWORD = "a-password-of-the-mail-server"


def said_next(screen: str, words: str) -> list[str]:
    """The command that a screen says is next, as a shell reads it."""
    (line,) = [one.strip() for one in screen.splitlines() if re.match(rf"\s*wssgate {words}", one)]
    return shlex.split(line)[1:]


def test_the_partner_has_switched_and_nobody_told_us(tmp_path: Path, database_url: str, run: Run) -> None:
    screens: list[tuple[str, str]] = []

    def call(words: list[str]) -> str:
        """A command as a person types it, with what it prints where nobody reads it in a terminal."""
        program = Path(sys.executable).parent / "wssgate"
        ran = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        screens.append((shlex.join(["wssgate", *words]), ran.stdout))
        return ran.stdout

    async def scenario() -> None:
        with webhook() as hook, mail_server() as mail:
            async with stage(tmp_path, database_url, run, trusted=("old",)) as made:
                tell(made, channel(hook) + f'[alerts.mail]\napprise = "{mail.url(PASSWORD)}"\n')
                async with made.serving():
                    await made.ask(signed("old"))
                    await made.ask(signed("new"), status=502)
                    await until(lambda: "unknown-key" in hook.events() and any("SHA-256" in t for t in mail.texts()))
                    (alert,) = hook.of("unknown-key")
                    (text,) = [one for one in mail.texts() if "SHA-256" in one]
                    before = sorted(path.name for path in tmp_path.iterdir())
                    began = resource.getrusage(resource.RUSAGE_CHILDREN)

                    status = await asyncio.to_thread(call, ["status", "--config", str(made.config)])
                    assert "rejected (unknown-key)" in status
                    told = shlex.split(alert["run"])[1:]
                    assert said_next(text.replace("Next: ", ""), "report unknown-keys") == told, "mail says the same"
                    shown = await asyncio.to_thread(call, told)
                    assert re.search(r"related\s+same subject and issuer as old", shown)
                    add = [one if one != "ALIAS" else "new" for one in said_next(shown, "keystore add")]
                    added = await asyncio.to_thread(call, [*add, "--yes"])
                    assert "would have passed" in " ".join(added.split())
                    trust = said_next(added, "keystore trust")
                    await asyncio.to_thread(call, trust)

                    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
                    for _ in range(200):
                        try:
                            await made.ask(signed("new"))
                            break
                        except AssertionError:  # within a second each gateway has loaded the new revision
                            await asyncio.sleep(0.05)
                    await made.ask(signed("new"))
                    await made.ask(signed("old"))
                    after = sorted(path.name for path in tmp_path.iterdir())
                    assert [one for one in after if one not in before and "wssgate.db" not in one] == [], "no file"
                    seconds = (ended.ru_utime + ended.ru_stime) - (began.ru_utime + began.ru_stime)
                    screens.append(("machine time of the four commands", f"{seconds:.1f} s\n"))

    play(scenario())
    for command, screen in screens:
        print(f"$ {command}\n{screen}")
    commands = [command for command, _ in screens if command.startswith("wssgate ")]
    assert len(commands) == 4
    guide = GUIDE.read_text()
    section = guide[guide.index("## The partner has switched and nobody told us") :].split("\n## ")[0]
    for command in commands:
        words = " ".join(one for one in shlex.split(command)[1:3] if not one.startswith("-"))
        assert f"wssgate {words}" in section, f"the guide names each of the four: {words}"
