#!/usr/bin/env python3
"""Makes what the benchmark serves: data.py DIR COUNT CERTIFICATE

  www/voice/KEY                  COUNT objects, log-normal around 200 KB, each a multiple of 16 bytes as ciphertext is
  www/_list/N.xml                the S3 listing (ListObjectsV2), 1,000 keys a page, for the clients that list
  www/api/v2/recordings/N.json   the same objects as recordings of one day, 100 a page, for the client that asks the API
  total                          their number and bytes

The bytes are random: nobody decrypts them here, and neither a cipher nor a client works less for that. Each media entry
carries one and the same envelope, which OpenSSL makes for CERTIFICATE.
"""

import base64, hashlib, json, os, random, subprocess, sys

DAY = 1707696000  # 2024-02-12T00:00:00Z


def main(top, count, certificate):
    www = os.path.join(top, "www")
    objects = [store(www, index, size) for index, size in enumerate(sizes(count))]
    write_listing(www, objects)
    write_recordings(www, objects, envelope(certificate))
    with open(os.path.join(top, "total"), "w") as file:
        file.write(f"{len(objects)} {sum(size for _, size, _ in objects)}\n")


def sizes(count):
    """The mean of the distribution, exp(mu + sigma^2 / 2), is 200 KB."""
    rnd = random.Random("sizes")
    for _ in range(count):
        yield min(max(int(rnd.lognormvariate(11.886, 0.8)), 5_000), 5_000_000) // 16 * 16


def store(www, index, size):
    """One object, under a folder for its hour; its key, size and MD5."""
    key = f"tenant/{index * 24 // 2000 % 24:02d}/{index:08X}.mp3.bin"
    path = os.path.join(www, "voice", key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = random.Random(index).randbytes(size)
    with open(path, "wb") as file:
        file.write(data)
    return key, size, hashlib.md5(data).hexdigest()


def write_listing(www, objects):
    """With true MD5 ETags: one that is none makes rclone ask HEAD for every object."""
    os.makedirs(f"{www}/_list", exist_ok=True)
    pages = [objects[at:at + 1000] for at in range(0, len(objects), 1000)]
    for number, page in enumerate(pages):
        more = number + 1 < len(pages)
        token = f"<NextContinuationToken>{number + 1}</NextContinuationToken>" if more else ""
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-02-12T19:00:00.000Z</LastModified>"
            f"<ETag>&quot;{md5}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key, size, md5 in page)
        with open(f"{www}/_list/{number}.xml", "w") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n'
                       '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>voice</Name><Prefix/>'
                       f"<KeyCount>{len(page)}</KeyCount><MaxKeys>1000</MaxKeys>"
                       f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>")


def write_recordings(www, objects, pkcs7):
    """Pages of 100, each with the link to the next; the last one is empty."""
    api = f"{www}/api/v2/recordings"
    os.makedirs(api, exist_ok=True)
    for at in range(0, len(objects) + 100, 100):
        page = [recording(at + index, *entry, pkcs7) for index, entry in enumerate(objects[at:at + 100])]
        answer = {"statusCode": 0, "recordings": page}
        if page:
            answer["next"] = f"/api/v2/recordings?offset={at + 100}&limit=100"
        with open(f"{api}/{at}.json", "w") as file:
            json.dump(answer, file, separators=(",", ":"))


def recording(index, key, size, _, pkcs7):
    rnd = random.Random(-index - 1)
    ident = f"{rnd.getrandbits(160):032X}"[:32]
    begin, end = time(DAY + index * 40), time(DAY + index * 40 + 180)
    media = {
        "mediaId": f"{ident}_{index:08X}.mp3", "type": "audio/mp3", "startTime": begin, "stopTime": end,
        "callUUID": ident, "duration": "180000", "size": str(size - 7), "tenant": "Environment",
        "originalMediaDescriptor": {"storage": "awsS3", "path": key, "data": {"bucket": "voice"}},
        "parameters": {"callUuid": ident, "ani": "+15550100123", "dnis": "5005", "agentId": f"agent{index % 97}"},
        "pkcs7": pkcs7, "certAlias": ["bench:1:CN=bench:1"],
    }
    events = [{"occurredAt": begin, "calluuid": ident, "event": "Joined",
               "contact": {"type": "User", "userName": f"agent{index % 97}", "phoneNumber": "5005"}},
              {"occurredAt": end, "calluuid": ident, "event": "Left", "data": {"added": {"queue": "sales"}}}]
    return {"id": ident, "callerPhoneNumber": "+15550100123", "dialedPhoneNumber": "5005", "startTime": begin,
            "stopTime": end, "region": "usw1", "mediaFiles": [media], "eventHistory": events}


def time(seconds):
    hours, rest = divmod(seconds - DAY, 3600)
    return f"2024-02-12T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}.000+0000"


def envelope(certificate):
    """A detached envelope: what OpenSSL makes, less the ciphertext (RFC 5652, 6.1), as PEM text."""
    whole = subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-aes128", "-outform", "DER", certificate],
                           input=b"x", stdout=subprocess.PIPE, check=True).stdout
    content_type, content = parts(whole)
    (data,) = parts(content)
    *before, encrypted = parts(data)
    detached = join(0x30, content_type + join(0xA0, join(0x30, b"".join(before) + join(0x30, b"".join(parts(encrypted)[:2])))))
    text = base64.b64encode(detached).decode()
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


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
