//! The web API over HTTP (`genesys.md` 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, IF_MATCH, RANGE, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{
    WireBody, finish, header, redirect, status_code, stream_body, streamed, text, wait_for,
};
use super::listing::{Pieces, page};
use super::log::{RequestLog, Seen};
use super::query;
use super::wire::Wire;
use crate::body::{BodyPlan, first_bytes, zeros};
use crate::cloud::{Cloud, SharedCloud};
use crate::faults::{Effect, Faults, RequestKind};
use crate::ports::error_page;
use crate::quirks::{BadLogin, Quirks, Settings};
use crate::render::{recording_json, to_bytes};

/// The base path of the API.
pub(crate) const PREFIX: &str = "/api/v2";

/// The web API of a pretend cloud.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) cloud: SharedCloud,
    pub(crate) quirks: Quirks,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    /// Scheme, host and port, as clients write them.
    pub(crate) origin: String,
    /// The value of `Authorization` that is let in.
    login: String,
    requests: AtomicU64,
}

/// What a request is about.
enum Route {
    List,
    Recording(String),
    Settings,
    Version,
    Unknown,
}

/// An answer of the API before the faults.
struct Answer {
    status: u16,
    pieces: Pieces,
}

impl Api {
    pub(crate) fn new(
        cloud: SharedCloud,
        quirks: Quirks,
        faults: Faults,
        log: RequestLog,
        origin: String,
        user: &str,
        password: &str,
    ) -> Self {
        let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self {
            cloud,
            quirks,
            faults,
            log,
            origin,
            login,
            requests: AtomicU64::new(0),
        }
    }

    /// Answers a request.
    pub(crate) async fn respond(
        &self,
        request: &Request<Incoming>,
        wire: &Wire,
    ) -> Response<WireBody> {
        let (path, query) = (
            request.uri().path(),
            request.uri().query().unwrap_or_default(),
        );
        let route = route(request.method(), path);
        let (kind, about) = match &route {
            Route::List => (RequestKind::List, query),
            Route::Recording(id) => (RequestKind::Recording, id.as_str()),
            Route::Settings => (RequestKind::Settings, ""),
            Route::Version => (RequestKind::Version, ""),
            Route::Unknown => (RequestKind::Other, path),
        };
        let effects = self.faults.on(kind, about, self.cloud.read(Cloud::seed));
        let answering = self.log.note(seen(kind, request));
        wait_for(&effects).await;
        let response = match effects.iter().find_map(whole_answer) {
            Some(response) => response,
            None => self.played(
                self.answer(&route, query, request.headers(), &effects),
                &effects,
                wire,
            ),
        };
        finish(response, &effects, wire, answering)
    }

    fn answer(
        &self,
        route: &Route,
        query: &str,
        headers: &HeaderMap,
        effects: &[Effect],
    ) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let is_known = headers
            .get(AUTHORIZATION)
            .is_some_and(|login| login.as_bytes() == self.login.as_bytes());
        match route {
            Route::Version => ok(
                &json!({"statusCode": 0, "version": "8.5.200.50-sim"}),
                &self.quirks,
            ),
            _ if !is_known => self.bad_login(),
            Route::List => self.list(query, number, effects),
            Route::Recording(id) => self.recording(id),
            Route::Settings => self.settings(),
            Route::Unknown => refusal(404, 6, "Requested resource cannot be found."),
        }
    }

    fn bad_login(&self) -> Answer {
        let status = match self.quirks.bad_login {
            BadLogin::Unauthorized => 401,
            BadLogin::Forbidden => 403,
            BadLogin::InsideOk => 200,
        };
        refusal(status, 20, "Access denied")
    }

    fn list(&self, query: &str, number: u64, effects: &[Effect]) -> Answer {
        let wanted = match query::read(query, &self.quirks, number) {
            Ok(wanted) => wanted,
            Err(refused) => return refusal(400, refused.code, &refused.message),
        };
        match page(self, query, &wanted, effects) {
            Ok(pieces) => {
                let mut pieces = pieces.peekable();
                Answer {
                    status: if pieces.peek().is_some() { 200 } else { 204 },
                    pieces: Box::new(pieces),
                }
            }
            Err(_) => refusal(
                400,
                2,
                "Parameter 'offset' is invalid: The specified value is not within valid range",
            ),
        }
    }

    fn recording(&self, id: &str) -> Answer {
        let now = self.cloud.now();
        let json = self.cloud.read(|cloud| {
            cloud
                .recording_by_id(id)
                .filter(|recording| cloud.is_visible(recording, now))
                .map(|recording| recording_json(cloud, recording, now, &self.quirks))
        });
        match json {
            Some(json) => {
                let parts = [&b"{\"statusCode\":0,\"recording\":"[..], &json, b"}"];
                Answer {
                    status: 200,
                    pieces: one(parts.concat()),
                }
            }
            None => refusal(
                404,
                6,
                &format!("Requested recording [{id}] cannot be found."),
            ),
        }
    }

    fn settings(&self) -> Answer {
        let certificates: Vec<String> = self.cloud.read(|cloud| {
            cloud
                .recipients
                .iter()
                .map(|recipient| recipient.pem().to_owned())
                .collect()
        });
        let named = certificates
            .iter()
            .zip(1..)
            .map(|(pem, number)| (format!("certificate-{number}"), json!(pem)));
        let body = match self.quirks.settings {
            Settings::Forbidden => return refusal(403, 5, "Insufficient user roles."),
            Settings::Missing => return refusal(404, 6, "Requested settings cannot be found."),
            Settings::Empty => json!({"statusCode": 0, "settings": [], "key": "name"}),
            Settings::Object => json!({"statusCode": 0, "settings": Map::from_iter(named)}),
            Settings::Array => {
                let list: Vec<Value> = named
                    .map(|(name, value)| json!({"name": name, "value": value}))
                    .collect();
                json!({"statusCode": 0, "settings": list, "key": "name"})
            }
        };
        ok(&body, &self.quirks)
    }

    /// An answer over the wire, with what the faults make of its body.
    fn played(&self, answer: Answer, effects: &[Effect], wire: &Wire) -> Response<WireBody> {
        let is_streamed = effects
            .iter()
            .any(|effect| matches!(effect, Effect::HugePage { .. }));
        let mut pieces = answer.pieces;
        let mut len_bytes = None;
        if !is_streamed {
            let whole: Vec<u8> = pieces.flatten().collect();
            let len = whole.len() as u64;
            let announced = announced_bytes(len, effects);
            pieces = Box::new(first_bytes(one(whole).chain(zeros(announced)), announced));
            len_bytes = Some(announced);
        }
        let body = streamed(BodyPlan::of(effects).play(pieces), wire.clone());
        let mut response = Response::new(stream_body(body));
        *response.status_mut() = status_code(answer.status);
        header(
            &mut response,
            "content-type",
            "application/json;charset=UTF-8",
        );
        header(
            &mut response,
            "set-cookie",
            "JSESSIONID=sim; Path=/; HttpOnly",
        );
        if let Some(len_bytes) = len_bytes {
            header(&mut response, "content-length", &len_bytes.to_string());
        }
        response
    }
}

/// What is noted of a request.
pub(crate) fn seen(kind: RequestKind, request: &Request<Incoming>) -> Seen {
    let header = |name| {
        let value: Option<&http::HeaderValue> = request.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Seen {
        kind,
        method: request.method().to_string(),
        host: header(HOST).unwrap_or_default(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        range: header(RANGE),
        if_match: header(IF_MATCH),
        user_agent: header(USER_AGENT),
        has_login: request.headers().contains_key(AUTHORIZATION),
        // Credential=<key>/<date>/<region>/s3/aws4_request
        region: header(AUTHORIZATION)
            .as_deref()
            .and_then(|login| login.split("Credential=").nth(1))
            .and_then(|scope| scope.split('/').nth(2))
            .map(str::to_owned),
        payload: header(http::HeaderName::from_static("x-amz-content-sha256")),
        status: 0,
        sent_bytes: 0,
        is_complete: false,
    }
}

fn route(method: &Method, path: &str) -> Route {
    let Some(path) = path.strip_prefix(PREFIX).filter(|_| method == Method::GET) else {
        return Route::Unknown;
    };
    match path.trim_end_matches('/') {
        "/recordings" => Route::List,
        "/me/settings/rcbs" => Route::Settings,
        "/diagnostics/version" => Route::Version,
        other => match other.strip_prefix("/recordings/") {
            Some(id) => Route::Recording(percent_decode_str(id).decode_utf8_lossy().into_owned()),
            None => Route::Unknown,
        },
    }
}

/// The answer of an effect that leaves nothing of the right one.
fn whole_answer(effect: &Effect) -> Option<Response<WireBody>> {
    Some(match effect {
        Effect::Status { status, .. } => {
            let (code, message) = match status {
                401 => (20, "Access denied"),
                403 => (5, "Access denied"),
                404 => (6, "Not found"),
                _ => (4, "Internal server error - please contact administrator."),
            };
            let body = json!({"statusCode": code, "statusMessage": message});
            text(*status, "application/json", body.to_string())
        }
        Effect::StatusCode { code } => {
            let body = json!({"statusCode": code, "statusMessage": "a fault of the script"});
            text(200, "application/json", body.to_string())
        }
        Effect::Redirect { to } => redirect(to),
        Effect::Html => text(200, "text/html", error_page(effect)?),
        Effect::XmlError => text(200, "application/xml", error_page(effect)?),
        _ => return None,
    })
}

/// How long the answer says that it is.
fn announced_bytes(len_bytes: u64, effects: &[Effect]) -> u64 {
    effects
        .iter()
        .fold(len_bytes, |len_bytes, effect| match effect {
            Effect::CutJson { after_bytes } => len_bytes.min(*after_bytes),
            Effect::Shorter { by_bytes } => len_bytes.saturating_sub(*by_bytes),
            Effect::Longer { by_bytes } => len_bytes + by_bytes,
            _ => len_bytes,
        })
}

fn ok(body: &Value, quirks: &Quirks) -> Answer {
    Answer {
        status: 200,
        pieces: one(to_bytes(body, quirks)),
    }
}

fn refusal(status: u16, code: u16, message: &str) -> Answer {
    let body = json!({"statusCode": code, "statusMessage": message}).to_string();
    Answer {
        status,
        pieces: one(body.into_bytes()),
    }
}

fn one(bytes: Vec<u8>) -> Pieces {
    Box::new(std::iter::once(Bytes::from(bytes)))
}
