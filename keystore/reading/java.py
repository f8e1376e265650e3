"""Java keystores, JKS and JCEKS. The library that reads them is loaded where it is used: few key files are theirs."""

from keystore.errors import UnreadableKeyFile, WrongPassword
from keystore.reading.result import Collection, KeyFileFormat, ReadResult

JKS_MAGIC = b"\xfe\xed\xfe\xed"
JCEKS_MAGIC = b"\xce\xce\xce\xce"


def read_java_keystore(data: bytes, password: str | None) -> ReadResult:
    """The certificates of all entries; without a password they are read all the same, unchecked, and a note says so.

    Raises:
        UnreadableKeyFile: it is damaged, cut off, or of a version that Java itself does not write.
        WrongPassword: the password does not fit.
    """
    import logging

    import jks  # type: ignore[import-untyped]  # pyjks carries no types

    # pyjks reads the sealed secret keys of a JCEKS file with javaobj, which reports what it cannot read on standard
    # error before it raises: the sentence that is raised here says enough.
    javaobj = logging.getLogger("javaobj")
    if not javaobj.handlers:
        javaobj.addHandler(logging.NullHandler())
    found = Collection(KeyFileFormat.JKS if data.startswith(JKS_MAGIC) else KeyFileFormat.JCEKS)
    try:
        store = jks.KeyStore.loads(data, password, try_decrypt_keys=False)
    except jks.KeystoreSignatureException as error:
        raise WrongPassword(
            f"the password does not open this {found.format} keystore, or the file was altered: "
            "check the password with whoever made the file"
        ) from error
    except Exception as error:
        raise UnreadableKeyFile(
            f"this {found.format} keystore is damaged or cut off: ask its owner for a fresh copy, or export the "
            "certificate with `keytool -exportcert -rfc`"
        ) from error
    if password is None:
        found.notes.append("The keystore's integrity was not checked, because no password was given.")
    for alias, entry in store.entries.items():
        _read_entry(found, alias, entry)
    return found.result()


def _read_entry(found: Collection, alias: str, entry: object) -> None:
    import jks

    what = f"entry {alias!r}"
    if isinstance(entry, jks.TrustedCertEntry):
        found.add(what, entry.cert, name=alias)
    elif isinstance(entry, jks.PrivateKeyEntry):
        found.holds_private_key = True
        for position, (_, der) in enumerate(entry.cert_chain):
            if position == 0:
                found.add(what, der, name=alias)
            else:
                found.add(f"{what}, chain certificate {position + 1}", der, in_chain=True)
    else:
        found.leave_out(what, "It is a secret key, which has no place here.")
