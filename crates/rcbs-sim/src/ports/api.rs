//! The recording API in process.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rcbs_core::ports::{
    ApiError, Cursor, Entry, ListRequest, NextLink, Page, RecordingApi, RemoteSettings,
};
use rcbs_core::recording::RecordingId;

use super::{Call, Calls, capped, wait_for};
use crate::cloud::{Cloud, SharedCloud, SimRecording};
use crate::faults::{Effect, Faults, RequestKind};
use crate::page_faults;
use crate::quirks::{EmptyList, Links, ListForm, Quirks, Settings, Total, UpperBound};
use crate::render::{recording_json, summary_json};
use crate::search::{Search, search};

/// What the port lets an implementation hold of one answer.
const HELD_BYTES: u64 = 32 << 20;

/// The recording API of a pretend cloud, without a wire. Quirks of spelling have no effect here: an implementation of the
/// port hides them.
#[derive(Debug, Clone)]
pub struct SimApi {
    cloud: SharedCloud,
    quirks: Quirks,
    faults: Faults,
    calls: Calls,
}

impl SimApi {
    /// The API of this cloud.
    #[must_use]
    pub fn new(cloud: &SharedCloud, quirks: Quirks, faults: Faults) -> Self {
        Self {
            cloud: cloud.clone(),
            quirks,
            faults,
            calls: Calls::default(),
        }
    }

    /// What was asked so far.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Counts a request against the faults and fails as they say, if they do.
    async fn begin(&self, kind: RequestKind, about: &str) -> Result<Vec<Effect>, ApiError> {
        let effects = self.faults.on(kind, about, self.cloud.read(Cloud::seed));
        if wait_for(&effects).await {
            return Err(ApiError::Timeout {
                reason: "no answer came".to_owned(),
            });
        }
        effects.iter().find_map(failure).map_or(Ok(effects), Err)
    }
}

#[async_trait]
impl RecordingApi for SimApi {
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError> {
        let number = self.calls.note(Call::List(request.clone()));
        let (wanted, by_link) = wanted(request, number)?;
        let effects = self
            .begin(RequestKind::List, &link(&wanted, wanted.offset))
            .await?;
        if wanted.is_too_long(&self.quirks) {
            return Err(ApiError::Refused {
                status: 400,
                message: "the range is too long".to_owned(),
            });
        }
        self.cloud.read(|cloud| {
            page(
                cloud,
                self.cloud.now(),
                &self.quirks,
                &effects,
                &wanted,
                by_link,
            )
        })
    }

    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError> {
        self.calls.note(Call::Recording(id.clone()));
        self.begin(RequestKind::Recording, id.as_str()).await?;
        let now = self.cloud.now();
        self.cloud.read(|cloud| {
            cloud
                .recording_by_id(id.as_str())
                .filter(|recording| cloud.is_visible(recording, now))
                .map(|recording| recording_json(cloud, recording, now, &self.quirks).into())
                .ok_or(ApiError::NotFound)
        })
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        self.calls.note(Call::Settings);
        self.begin(RequestKind::Settings, "").await?;
        let certificates: Vec<String> = self.cloud.read(|cloud| {
            cloud
                .recipients
                .iter()
                .map(|recipient| recipient.pem().to_owned())
                .collect()
        });
        Ok(match self.quirks.settings {
            Settings::Forbidden | Settings::Missing => None,
            Settings::Empty => Some(RemoteSettings::default()),
            Settings::Array | Settings::Object => Some(RemoteSettings {
                names: (1..=certificates.len())
                    .map(|number| format!("certificate-{number}"))
                    .collect(),
                certificates,
            }),
        })
    }
}

/// The search that a request comes to, and whether a link led to it.
fn wanted(request: &ListRequest, number: u64) -> Result<(Search, bool), ApiError> {
    let first = Search {
        since: Some(request.since),
        until: Some(request.until),
        caller: request.caller_pattern.clone(),
        dialed: None,
        offset: 0,
        limit: u64::from(request.limit),
        request: number,
    };
    match &request.cursor {
        Cursor::First => Ok((first, false)),
        Cursor::Offset(offset) => Ok((
            Search {
                offset: *offset,
                ..first
            },
            false,
        )),
        Cursor::Link(link) => read_link(link.as_str(), first)
            .map(|wanted| (wanted, true))
            .ok_or_else(|| ApiError::Refused {
                status: 400,
                message: "this link is none of ours".to_owned(),
            }),
    }
}

/// A link carries everything that its request had, as links of servers do.
fn link(wanted: &Search, offset: u64) -> String {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("since", &time(wanted.since))
        .append_pair("until", &time(wanted.until))
        .append_pair("caller", wanted.caller.as_deref().unwrap_or_default())
        .append_pair("limit", &wanted.limit.to_string())
        .append_pair("scroll", &offset.to_string())
        .finish()
}

fn read_link(text: &str, base: Search) -> Option<Search> {
    let mut wanted = Search {
        caller: None,
        ..base
    };
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            "since" => wanted.since = value.parse().ok(),
            "until" => wanted.until = value.parse().ok(),
            "caller" => wanted.caller = (!value.is_empty()).then(|| value.into_owned()),
            "limit" => wanted.limit = value.parse().ok()?,
            "scroll" => wanted.offset = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(wanted)
}

fn page(
    cloud: &Cloud,
    now: Timestamp,
    quirks: &Quirks,
    effects: &[Effect],
    wanted: &Search,
    by_link: bool,
) -> Result<Page, ApiError> {
    let mut wanted = wanted.clone();
    if quirks.upper_bound == UpperBound::Neither {
        wanted.until = None;
    }
    let refused = |_| ApiError::OffsetRefused {
        message: "offset is not within valid range".to_owned(),
    };
    let found = search(
        cloud,
        now,
        quirks,
        &page_faults::search(effects, &wanted),
        by_link,
    )
    .map_err(refused)?;
    let mut page = Page::default();
    for recording in &found.recordings {
        page.entries.push(entry(cloud, recording, now, quirks)?);
    }
    if let Some(invented) = page_faults::invented(effects, cloud.seed(), &wanted) {
        page.entries = invented
            .into_iter()
            .map(|json| Entry::Whole(json.into()))
            .collect();
    }
    if quirks.total == Total::Given {
        page.total = Some(found.total);
    }
    if quirks.links != Links::None && quirks.link_name == "next" {
        page.next = found
            .next_offset()
            .map(|offset| NextLink::new(link(&wanted, offset)));
    }
    page.is_silent =
        quirks.empty_list == EmptyList::Absent && page.entries.is_empty() && page.total.is_none();
    for effect in effects {
        match effect {
            Effect::EndlessPages { .. } => {
                page.next = Some(NextLink::new(link(&wanted, wanted.offset + 1)));
            }
            Effect::LinkToSelf => page.next = Some(NextLink::new(link(&wanted, wanted.offset))),
            Effect::LinkTo { to } => {
                page.next = None;
                page.refused_link = Some(format!("{to} is not on the origin of the API"));
            }
            Effect::HugePage { len_bytes } => {
                let json = page_faults::huge_recording(*len_bytes)
                    .flatten()
                    .collect::<Vec<u8>>();
                page.entries = vec![Entry::Whole(json.into())];
            }
            _ => {}
        }
    }
    Ok(page)
}

fn entry(
    cloud: &Cloud,
    recording: &SimRecording,
    now: Timestamp,
    quirks: &Quirks,
) -> Result<Entry, ApiError> {
    let json = match quirks.list_form {
        ListForm::Uris => {
            return Ok(match RecordingId::new(&recording.id) {
                Ok(id) => Entry::Id(id),
                Err(_) => Entry::Fault("a uri without an id".to_owned()),
            });
        }
        ListForm::Summaries => summary_json(cloud, recording, now, quirks),
        ListForm::Fields | ListForm::Recordings => recording_json(cloud, recording, now, quirks),
    };
    match serde_json::from_slice(&json) {
        Ok(serde_json::Value::Object(_)) => Ok(Entry::Whole(json.into())),
        Ok(_) => Ok(Entry::Fault(
            "an entry of the list is not an object".to_owned(),
        )),
        Err(error) => Err(ApiError::Malformed {
            reason: error.to_string(),
        }),
    }
}

/// The error that an effect comes to behind this port; `None` where an answer still comes.
fn failure(effect: &Effect) -> Option<ApiError> {
    let malformed = |reason: &str| ApiError::Malformed {
        reason: reason.to_owned(),
    };
    Some(match effect {
        Effect::Status {
            status,
            retry_after_s,
            ..
        } => status_failure(*status, *retry_after_s),
        Effect::StatusCode { code } => status_code_failure(*code),
        Effect::Html | Effect::XmlError => malformed("the answer is not JSON"),
        Effect::CutJson { .. } | Effect::Shorter { .. } => malformed("the JSON ends too early"),
        Effect::Longer { .. } => malformed("something follows the JSON"),
        Effect::Nested { .. } => malformed("the JSON is nested too deep"),
        Effect::Flip { .. } => malformed("the JSON is damaged"),
        Effect::Encoded => malformed("the answer is encoded"),
        Effect::Cut { .. } | Effect::Reset { .. } => ApiError::Unreachable {
            reason: "the connection broke".to_owned(),
        },
        Effect::Stall { .. } => ApiError::Timeout {
            reason: "the answer stopped coming".to_owned(),
        },
        Effect::Redirect { to } => ApiError::Redirect { to: to.clone() },
        Effect::HugePage { len_bytes } if *len_bytes > HELD_BYTES => ApiError::TooLarge {
            limit_bytes: HELD_BYTES,
        },
        _ => return None,
    })
}

fn status_failure(status: u16, retry_after_s: Option<u64>) -> ApiError {
    let message = "a fault of the script".to_owned();
    match status {
        429 => ApiError::Throttled {
            after: capped(retry_after_s),
        },
        503 if retry_after_s.is_some() => ApiError::Throttled {
            after: capped(retry_after_s),
        },
        500..=599 => ApiError::Server { status, message },
        401 | 403 => ApiError::Denied { status, message },
        404 => ApiError::NotFound,
        _ => ApiError::Refused { status, message },
    }
}

fn status_code_failure(code: u16) -> ApiError {
    let message = format!("statusCode {code}");
    match code {
        4 => ApiError::Server {
            status: 200,
            message,
        },
        5 | 20 => ApiError::Denied {
            status: 200,
            message,
        },
        6 => ApiError::NotFound,
        _ => ApiError::Refused {
            status: 200,
            message,
        },
    }
}
