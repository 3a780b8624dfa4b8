"""A CMS envelope without its content, as the cloud keeps it beside the ciphertext (RFC 5652, 6.1)."""

import base64
import subprocess


def envelope(certificate):
    """What OpenSSL makes for a certificate, less the ciphertext, as PEM text."""
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes128", "-outform", "DER", certificate]
    whole = subprocess.run(command, input=b"x", stdout=subprocess.PIPE, check=True).stdout
    content_type, content = parts(whole)
    (data,) = parts(content)
    *before, encrypted = parts(data)
    inside = join(0x30, b"".join(before) + join(0x30, b"".join(parts(encrypted)[:2])))
    text = base64.b64encode(join(0x30, content_type + join(0xA0, inside))).decode()
    lines = [text[at:at + 76] for at in range(0, len(text), 76)]
    return "\n".join(["-----BEGIN PKCS7-----", *lines, "-----END PKCS7-----", ""])


def parts(der):
    """The elements inside a constructed DER element, each with its own header."""
    at, end = header(der, 0)
    inside = []
    while at < end:
        _, stop = header(der, at)
        inside.append(der[at:stop])
        at = stop
    return inside


def header(der, at):
    """Where the content of the element at `at` begins and ends."""
    first = der[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    begin = at + 2 + (first & 0x7F)
    return begin, begin + int.from_bytes(der[at + 2:begin], "big")


def join(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
