//! The switches: one for each thing that no public text says about the real server (`genesys.md` 2.4 and 8).

use super::choice::choice;

choice! {
    /// Which spelling of the upper time bound the server knows. One that it does not know is an unknown parameter.
    UpperBound {
        /// `endTime` and `stopTime` mean the same.
        Both = "both",
        /// Only `endTime`.
        EndTime = "endTime",
        /// Only `stopTime`.
        StopTime = "stopTime",
        /// There is no upper bound.
        Neither = "neither",
    }
}

choice! {
    /// What happens to a parameter that the server does not know.
    UnknownParameters {
        /// Nothing.
        Ignored = "ignored",
        /// HTTP 400 with `statusCode` 2.
        Rejected = "rejected",
    }
}

choice! {
    /// In which form the server takes times; any other form is refused with 400.
    TimeForm {
        /// All of them.
        Any = "any",
        /// `2018-02-12T19:04:11.000+0000`.
        Offset = "offset",
        /// `2018-02-12T19:04:11Z`, with or without milliseconds.
        Zulu = "zulu",
        /// Epoch milliseconds.
        EpochMs = "epoch-ms",
    }
}

choice! {
    /// Which time of a recording the bounds are compared with.
    BoundReading {
        /// Both with its start.
        Start = "start",
        /// Both with its stop.
        Stop = "stop",
        /// The lower with its start, the upper with its stop: only recordings that lie within.
        Contained = "contained",
        /// The lower with its stop, the upper with its start: any part will do.
        AnyPart = "any-part",
    }
}

choice! {
    /// Whether a time that equals a bound is inside.
    Bound {
        /// It is.
        Inclusive = "inclusive",
        /// It is not.
        Exclusive = "exclusive",
    }
}

choice! {
    /// What the server makes of the milliseconds of a bound.
    Precision {
        /// It compares them.
        Milliseconds = "milliseconds",
        /// It cuts the bounds to whole seconds.
        Seconds = "seconds",
    }
}

choice! {
    /// The form of links to other pages.
    Links {
        /// There are none.
        None = "none",
        /// A whole URL.
        Absolute = "absolute",
        /// A path beginning with `/api/v2`.
        Relative = "relative",
        /// A path without `/api/v2`, as `mediaPath` has it.
        ApiPath = "api-path",
        /// Only the part from the question mark on.
        QueryOnly = "query-only",
    }
}

choice! {
    /// What the server makes of `offset`.
    Offsets {
        /// It skips so many.
        Honoured = "honoured",
        /// It gives the first page whatever the offset.
        Ignored = "ignored",
        /// 400.
        Refused = "refused",
        /// 400 when offset and limit together pass 10,000, as Elasticsearch has it.
        RefusedDeep = "refused-beyond-10000",
    }
}

choice! {
    /// The order of a list.
    Order {
        /// By start, oldest first.
        Ascending = "ascending",
        /// By start, newest first.
        Descending = "descending",
        /// By id.
        Id = "id",
        /// Another one for each request.
        Shuffled = "shuffled",
    }
}

choice! {
    /// What a list consists of.
    ListForm {
        /// `recordings` when `fields=*` was sent, else `uris`.
        Fields = "fields",
        /// Always `recordings`.
        Recordings = "recordings",
        /// Always `uris`.
        Uris = "uris",
        /// `recordings` without their media files.
        Summaries = "summaries",
    }
}

choice! {
    /// How a list without entries is shown.
    EmptyList {
        /// As an empty list.
        List = "list",
        /// As `null`.
        Null = "null",
        /// Not at all, as mappers do that leave out what is empty.
        Absent = "absent",
        /// As HTTP 204.
        NoContent = "204",
    }
}

choice! {
    /// How numbers in `mediaFiles` are written.
    Numbers {
        /// As strings, as in the samples.
        Text = "text",
        /// As JSON numbers.
        Number = "number",
    }
}

choice! {
    /// How times in answers are written.
    Times {
        /// `2018-02-12T19:04:11.000+0000`.
        Offset = "offset",
        /// `2018-02-12T19:04:11.000Z`.
        Zulu = "zulu",
        /// Epoch milliseconds as a number.
        EpochMs = "epoch-ms",
        /// Epoch milliseconds as a string.
        EpochMsText = "epoch-ms-text",
    }
}

choice! {
    /// What the settings group for the backup answers.
    Settings {
        /// 200 with an empty list.
        Empty = "empty",
        /// 200 with an array of names and values, certificates among them.
        Array = "array",
        /// 200 with an object, certificates among its values.
        Object = "object",
        /// 403.
        Forbidden = "403",
        /// 404.
        Missing = "404",
    }
}

choice! {
    /// How a wrong login is refused.
    BadLogin {
        /// 401 with `statusCode` 20.
        Unauthorized = "401",
        /// 403 with `statusCode` 20.
        Forbidden = "403",
        /// 200 with `statusCode` 20.
        InsideOk = "200",
    }
}

choice! {
    /// What a search without any parameter gives.
    NoParameters {
        /// 400 with `statusCode` 1.
        Refused = "refused",
        /// The first page of everything.
        Listed = "listed",
    }
}

choice! {
    /// The field that says where a media file lies.
    Descriptor {
        /// `originalMediaDescriptor`.
        Original = "originalMediaDescriptor",
        /// `mediaDescriptor`.
        Plain = "mediaDescriptor",
        /// `mediaUri` of the form `s3://bucket/key`.
        UriS3 = "s3-uri",
        /// `mediaUri` of the form `https://bucket.s3.region.amazonaws.com/key`.
        UriHttps = "https-uri",
        /// `mediaUri` of the form `https://s3.region.amazonaws.com/bucket/key`.
        UriPath = "https-path-uri",
    }
}

choice! {
    /// Whether the number of all matches is given.
    Total {
        /// It is not.
        Absent = "absent",
        /// As `totalCount`.
        Given = "given",
    }
}

choice! {
    /// What a filter by phone number does.
    NumberFilter {
        /// It compares letters and digits; `*` stands for anything.
        Wildcard = "wildcard",
        /// Nothing.
        Ignored = "ignored",
    }
}

choice! {
    /// Whether privacy settings hide phone numbers and agents.
    Privacy {
        /// Nothing is hidden.
        Open = "open",
        /// The values are replaced by asterisks.
        Masked = "masked",
        /// The fields are absent.
        Absent = "absent",
    }
}

choice! {
    /// How JSON is laid out.
    Spacing {
        /// Without spaces.
        Compact = "compact",
        /// Indented.
        Pretty = "pretty",
    }
}

choice! {
    /// What the store says to a request signed for another region than the bucket's.
    RegionCheck {
        /// It serves it.
        Off = "off",
        /// 400 `AuthorizationHeaderMalformed` with the region in the body.
        Malformed = "400",
        /// 301 `PermanentRedirect` with the region in the header `x-amz-bucket-region`.
        Redirect = "301",
    }
}

choice! {
    /// Which ETag objects have.
    ETags {
        /// The MD5 of the object up to 16 MiB, the multipart form above, as uploads make it.
        Usual = "usual",
        /// The multipart form: 32 hexadecimal digits, a dash and a number.
        Multipart = "multipart",
        /// 32 hexadecimal digits that are no MD5, with the headers of encryption by KMS.
        Kms = "kms",
        /// A weak one.
        Weak = "weak",
        /// None.
        None = "none",
    }
}

choice! {
    /// Which checksum the store offers when it is asked with `x-amz-checksum-mode: ENABLED`.
    Checksums {
        /// None: an old object.
        None = "none",
        /// CRC64NVME of the whole object, what S3 itself adds today.
        Crc64Nvme = "crc64nvme",
        /// CRC32 of the whole object.
        Crc32 = "crc32",
        /// CRC32C of the whole object.
        Crc32c = "crc32c",
        /// SHA-1 of the whole object.
        Sha1 = "sha1",
        /// SHA-256 of the whole object.
        Sha256 = "sha256",
        /// CRC32C of the parts, which cannot be compared with the object.
        CompositeCrc32c = "composite-crc32c",
        /// SHA-256 of the parts.
        CompositeSha256 = "composite-sha256",
    }
}
