"""The names of the specifications: namespaces, and element names in Clark notation."""

from typing import Final

SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSSE11: Final = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XOP: Final = "http://www.w3.org/2004/08/xop/include"
DSIG_MORE: Final = "http://www.w3.org/2007/05/xmldsig-more#"
SAML1: Final = "urn:oasis:names:tc:SAML:1.0:assertion"
SAML2: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XML: Final = "http://www.w3.org/XML/1998/namespace"

SOAP_VERSIONS: Final = {f"{{{SOAP11}}}Envelope": "1.1", f"{{{SOAP12}}}Envelope": "1.2"}
SOAP_NAMESPACES: Final = {"1.1": SOAP11, "1.2": SOAP12}
ADDRESSING: Final = (WSA, WSA_2004)

SECURITY: Final = f"{{{WSSE}}}Security"
BINARY_SECURITY_TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
SECURITY_TOKEN_REFERENCE: Final = f"{{{WSSE}}}SecurityTokenReference"
WSSE_REFERENCE: Final = f"{{{WSSE}}}Reference"
KEY_IDENTIFIER: Final = f"{{{WSSE}}}KeyIdentifier"
TRANSFORMATION_PARAMETERS: Final = f"{{{WSSE}}}TransformationParameters"
SIGNATURE_CONFIRMATION: Final = f"{{{WSSE11}}}SignatureConfirmation"
ENCRYPTED_HEADER: Final = f"{{{WSSE11}}}EncryptedHeader"

TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
CREATED: Final = f"{{{WSU}}}Created"
EXPIRES: Final = f"{{{WSU}}}Expires"

SIGNATURE: Final = f"{{{DS}}}Signature"
SIGNED_INFO: Final = f"{{{DS}}}SignedInfo"
SIGNATURE_VALUE: Final = f"{{{DS}}}SignatureValue"
KEY_INFO: Final = f"{{{DS}}}KeyInfo"
CANONICALIZATION_METHOD: Final = f"{{{DS}}}CanonicalizationMethod"
SIGNATURE_METHOD: Final = f"{{{DS}}}SignatureMethod"
REFERENCE: Final = f"{{{DS}}}Reference"
TRANSFORMS: Final = f"{{{DS}}}Transforms"
TRANSFORM: Final = f"{{{DS}}}Transform"
DIGEST_METHOD: Final = f"{{{DS}}}DigestMethod"
DIGEST_VALUE: Final = f"{{{DS}}}DigestValue"
OBJECT: Final = f"{{{DS}}}Object"
MANIFEST: Final = f"{{{DS}}}Manifest"
INCLUSIVE_NAMESPACES: Final = f"{{{EXC_C14N}}}InclusiveNamespaces"

X509_DATA: Final = f"{{{DS}}}X509Data"
X509_CERTIFICATE: Final = f"{{{DS}}}X509Certificate"
X509_ISSUER_SERIAL: Final = f"{{{DS}}}X509IssuerSerial"
X509_ISSUER_NAME: Final = f"{{{DS}}}X509IssuerName"
X509_SERIAL_NUMBER: Final = f"{{{DS}}}X509SerialNumber"
X509_SKI: Final = f"{{{DS}}}X509SKI"
X509_SUBJECT_NAME: Final = f"{{{DS}}}X509SubjectName"
KEY_VALUE: Final = f"{{{DS}}}KeyValue"
KEY_NAME: Final = f"{{{DS}}}KeyName"

SAML_ASSERTIONS: Final = frozenset({f"{{{SAML1}}}Assertion", f"{{{SAML2}}}Assertion"})
SUBJECT_CONFIRMATIONS: Final = (f"{{{SAML1}}}SubjectConfirmation", f"{{{SAML2}}}SubjectConfirmation")

ENCRYPTED_DATA: Final = f"{{{XENC}}}EncryptedData"
XOP_INCLUDE: Final = f"{{{XOP}}}Include"
RSA_PSS_PARAMS: Final = f"{{{DSIG_MORE}}}RSAPSSParams"
MASK_GENERATION_FUNCTION: Final = f"{{{DSIG_MORE}}}MaskGenerationFunction"
SALT_LENGTH: Final = f"{{{DSIG_MORE}}}SaltLength"
TRAILER_FIELD: Final = f"{{{DSIG_MORE}}}TrailerField"

XSI_TYPE: Final = f"{{{XSI}}}type"

ID_NAMES: Final = frozenset({"Id", "ID", "id", "iD", "AssertionID"})
"""Every attribute that some stack takes for an id, in any namespace: wsu:Id, Id, ID, id, xml:id, AssertionID."""


def local_name(tag: str) -> str:
    """The part of a name in Clark notation behind the namespace."""
    return tag.rpartition("}")[2]
