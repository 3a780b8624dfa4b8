"""The objects of a bucket as recordings: what the recording API tells of them, a page at a time."""

import hashlib
import json
from datetime import datetime, timedelta, timezone

import data

# When the first recording began, and how many begin a day, evenly.
FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAILY = 10_000
STEP_MS = 86_400_000 // DAILY
FIRST_MS = int(FIRST.timestamp() * 1000)
# A call lasts so long.
CALL_MS = 180_000
# Pages are kept once made, up to so many bytes: a run with nothing to do shall not wait for a page to be made.
KEPT_BYTES = 400_000_000


def window(count):
    """The edges of a period that holds so many recordings, as dates; the second is not in it."""
    days = -(-count // DAILY)
    return FIRST.date().isoformat(), (FIRST + timedelta(days=days)).date().isoformat()


class Recordings:
    """All recordings of one bucket, by their index. Nothing of them is kept but the pages that were asked for."""

    def __init__(self, bucket, objects, count, envelope):
        self.bucket, self.objects, self.count = bucket, objects, count
        self.form = form(bucket, envelope)
        self.kept, self.kept_bytes = {}, 0

    def between(self, since_ms, until_ms):
        """The indexes of those that begin in a period, as a range."""
        first, end = (min(max(-((FIRST_MS - at) // STEP_MS), 0), self.count) for at in (since_ms, until_ms))
        return range(first, max(end, first))

    def page(self, indexes):
        """Their JSON, without brackets around it."""
        place = (indexes.start, indexes.stop)
        page = self.kept.get(place)
        if page is None:
            page = ",".join(map(self.recording, indexes)).encode()
            if self.kept_bytes + len(page) <= KEPT_BYTES:
                self.kept[place] = page
                self.kept_bytes += len(page)
        return page

    def recording(self, index):
        key, size_bytes = self.object(index)
        ident = hashlib.blake2b(index.to_bytes(8, "big"), digest_size=16).hexdigest().upper()
        begin = FIRST_MS + index * STEP_MS
        return self.form % {
            "id": ident, "index": f"{index:08X}", "begin": moment(begin), "end": moment(begin + CALL_MS),
            "key": key, "size": size_bytes - 7, "agent": f"agent{index % 97}",
        }

    def object(self, index):
        if self.objects is None:
            return data.key_of(index), data.SMALL_BYTES
        return self.objects[index].key, self.objects[index].size_bytes


def form(bucket, envelope):
    """The JSON of a recording with places for what differs: `%(id)s` and so on."""
    media = {
        "mediaId": "@id@_@index@.mp3", "type": "audio/mp3", "startTime": "@begin@", "stopTime": "@end@",
        "callUUID": "@id@", "duration": str(CALL_MS), "size": "@size@", "tenant": "Environment",
        "originalMediaDescriptor": {"storage": "awsS3", "path": "@key@", "data": {"bucket": bucket}},
        "parameters": {"callUuid": "@id@", "ani": "+15550100123", "dnis": "5005", "agentId": "@agent@"},
        "pkcs7": envelope, "certAlias": ["bench:1:CN=bench:1"],
    }
    events = [{"occurredAt": "@begin@", "calluuid": "@id@", "event": "Joined",
               "contact": {"type": "User", "userName": "@agent@", "phoneNumber": "5005"}},
              {"occurredAt": "@end@", "calluuid": "@id@", "event": "Left", "data": {"added": {"queue": "sales"}}}]
    recording = {"id": "@id@", "callerPhoneNumber": "+15550100123", "dialedPhoneNumber": "5005", "startTime": "@begin@",
                 "stopTime": "@end@", "region": "usw1", "mediaFiles": [media], "eventHistory": events}
    text = json.dumps(recording, separators=(",", ":")).replace("%", "%%")
    for name in ("id", "index", "begin", "end", "key", "size", "agent"):
        text = text.replace(f"@{name}@", f"%({name})s")
    return text


def moment(at_ms):
    """As the API writes it."""
    at = datetime.fromtimestamp(at_ms // 1000, timezone.utc).isoformat()
    return f"{at[:19]}.{at_ms % 1000:03d}+0000"


def moment_ms(text):
    """Of what the API was asked with."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)
