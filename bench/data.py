"""What is served: objects, their listings for the clients that list, and what the recording API needs to tell of them.

    www/BUCKET/KEY           objects; random bytes in multiples of 16, as ciphertext is
    www/_list/BUCKET/N.xml   the listing (ListObjectsV2), 1,000 keys a page
    objects/BUCKET           a line for each object: key, size in bytes, MD5

Nobody decrypts the objects here, and neither a cipher nor a client works less for random bytes. Small objects, of which
there are up to a million, are all one file under many names.
"""

import hashlib
import os
import random
from typing import NamedTuple

# Of small objects.
SMALL_BYTES = 1_024
# A listing has so many keys a page, as Amazon's.
KEYS = 1_000
# So many distinct files stand behind the names of large objects, which are links: what is served shall fit into memory.
DISTINCT = 4
BLOCK = 1 << 20


class Object(NamedTuple):
    key: str
    size_bytes: int
    md5: str


def make_voice(top, count):
    """Sizes are log-normal around 200 KB, between 5 KB and 5 MB."""
    rnd = random.Random("sizes")
    # The mean is exp(mu + sigma^2 / 2).
    sizes = (min(max(int(rnd.lognormvariate(11.886, 0.8)), 5_000), 5_000_000) // 16 * 16 for _ in range(count))
    write(top, "voice", [store(top, "voice", index, size) for index, size in enumerate(sizes)])


def make_large(top, bucket, count, size_bytes):
    """`count` objects of one size."""
    first = [store(top, bucket, index, size_bytes) for index in range(min(count, DISTINCT))]
    objects = list(first)
    for index in range(len(first), count):
        like = first[index % len(first)]
        key = key_of(index)
        os.makedirs(os.path.dirname(f"{top}/www/{bucket}/{key}"), exist_ok=True)
        os.link(f"{top}/www/{bucket}/{like.key}", f"{top}/www/{bucket}/{key}")
        objects.append(like._replace(key=key))
    write(top, bucket, objects)


def make_small(top, count):
    """A listing of `count` small objects, as the bucket `small` and the count; the objects themselves are one file."""
    data = small_bytes()
    os.makedirs(f"{top}/www", exist_ok=True)
    with open(f"{top}/www/small.bin", "wb") as file:
        file.write(data)
    md5 = hashlib.md5(data).hexdigest()
    write(top, f"small{count}", [Object(key_of(index), SMALL_BYTES, md5) for index in range(count)])


def small_bytes():
    return random.Random("small").randbytes(SMALL_BYTES)


def key_of(index):
    """Folders of 500, as hours of a busy centre have."""
    return f"tenant/{index // 500:04d}/{index:08X}.mp3.bin"


def objects_of(top, bucket):
    with open(f"{top}/objects/{bucket}") as file:
        fields = (line.split() for line in file)
        return [Object(key, int(size), md5) for key, size, md5 in fields]


def store(top, bucket, index, size_bytes):
    """One object of bytes that are the same on every machine."""
    key = key_of(index)
    path = f"{top}/www/{bucket}/{key}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    rnd, digest = random.Random(index), hashlib.md5()
    with open(path, "wb") as file:
        for left in range(size_bytes, 0, -BLOCK):
            data = rnd.randbytes(min(left, BLOCK))
            file.write(data)
            digest.update(data)
    return Object(key, size_bytes, digest.hexdigest())


def write(top, bucket, objects):
    """The list of a bucket, for people and as pages."""
    os.makedirs(f"{top}/objects", exist_ok=True)
    with open(f"{top}/objects/{bucket}", "w") as file:
        file.writelines(f"{key} {size} {md5}\n" for key, size, md5 in objects)
    os.makedirs(f"{top}/www/_list/{bucket}", exist_ok=True)
    for at in range(0, len(objects), KEYS):
        with open(f"{top}/www/_list/{bucket}/{at // KEYS}.xml", "w") as file:
            file.write(listing_page(bucket, objects[at:at + KEYS], at // KEYS + 1, at + KEYS < len(objects)))


def listing_page(bucket, objects, following, more):
    """With true MD5 ETags: one that is none makes rclone ask HEAD for every object."""
    token = f"<NextContinuationToken>{following}</NextContinuationToken>" if more else ""
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2024-02-12T19:00:00.000Z</LastModified>"
        f"<ETag>&quot;{md5}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key, size, md5 in objects)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{bucket}</Name><Prefix/>'
            f"<KeyCount>{len(objects)}</KeyCount><MaxKeys>{KEYS}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>")
