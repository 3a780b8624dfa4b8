//! The body of a list of recordings (`genesys.md` 3.6).

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::query::{ListQuery, scroll_to};
use crate::cloud::{Cloud, SimRecording};
use crate::faults::Effect;
use crate::page_faults;
use crate::quirks::{EmptyList, Links, ListForm, Total};
use crate::render::{recording_json, summary_json, to_bytes};
use crate::search::{Found, OffsetRefused, search};

/// The pieces of a page.
pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send + Sync>;

/// A page, as this query and these effects have it; without pieces where there is no content.
pub(crate) fn page(
    api: &Api,
    query: &str,
    wanted: &ListQuery,
    effects: &[Effect],
) -> Result<Pieces, OffsetRefused> {
    for effect in effects {
        match effect {
            Effect::HugePage { len_bytes } => {
                return Ok(framed(page_faults::huge_recording(*len_bytes)));
            }
            Effect::Nested { depth } => {
                return Ok(framed(std::iter::once(page_faults::nested(*depth).into())));
            }
            _ => {}
        }
    }
    let now = api.cloud.now();
    api.cloud.read(|cloud| {
        let search_for = page_faults::search(effects, &wanted.search);
        let found = search(cloud, now, &api.quirks, &search_for, wanted.by_link)?;
        let uses_uris = match api.quirks.list_form {
            ListForm::Fields => !wanted.all_fields,
            ListForm::Uris => true,
            ListForm::Recordings | ListForm::Summaries => false,
        };
        let items = items(api, cloud, &found, uses_uris, effects, wanted);
        let mut fields = links(api, query, &found, effects);
        if api.quirks.total == Total::Given {
            fields.insert("totalCount".to_owned(), json!(found.total));
        }
        let page = assemble(
            if uses_uris { "uris" } else { "recordings" },
            &items,
            &fields,
            api,
        );
        let page = Some(Bytes::from(page)).filter(|page| !page.is_empty());
        Ok(Box::new(page.into_iter()) as Pieces)
    })
}

fn items(
    api: &Api,
    cloud: &Cloud,
    found: &Found<'_>,
    uses_uris: bool,
    effects: &[Effect],
    wanted: &ListQuery,
) -> Vec<Vec<u8>> {
    if let Some(invented) = page_faults::invented(effects, cloud.seed(), &wanted.search) {
        return invented;
    }
    let now = api.cloud.now();
    let item = |recording: &&SimRecording| match api.quirks.list_form {
        _ if uses_uris => {
            let uri = format!(
                "{}{}/recordings/{}",
                api.origin,
                super::api::PREFIX,
                crate::url_segment(&recording.id)
            );
            json!(uri).to_string().into_bytes()
        }
        ListForm::Summaries => summary_json(cloud, recording, now, &api.quirks),
        _ => recording_json(cloud, recording, now, &api.quirks),
    };
    found.recordings.iter().map(item).collect()
}

/// The fields that lead to other pages.
fn links(api: &Api, query: &str, found: &Found<'_>, effects: &[Effect]) -> Map<String, Value> {
    let to = |offset: u64| link(api, &scroll_to(query, offset));
    let mut next = found.next_offset().map(to);
    let mut is_forced = false;
    for effect in effects {
        let forced = match effect {
            Effect::EndlessPages { .. } => Some(to(found.offset + found.limit)),
            Effect::LinkToSelf => Some(to(found.offset)),
            Effect::LinkTo { to } => Some(to.clone()),
            _ => None,
        };
        if let Some(forced) = forced {
            next = Some(forced);
            is_forced = true;
        }
    }
    let mut fields = Map::new();
    if api.quirks.links == Links::None && !is_forced {
        return fields;
    }
    if let Some(next) = next {
        put(&mut fields, &api.quirks.link_name, json!(next));
    }
    if found.offset > 0 && api.quirks.links != Links::None {
        fields.insert(
            "previous".to_owned(),
            json!(to(found.offset.saturating_sub(found.limit))),
        );
    }
    fields
}

fn link(api: &Api, query: &str) -> String {
    let prefix = super::api::PREFIX;
    match api.quirks.links {
        Links::None | Links::Absolute => format!("{}{prefix}/recordings?{query}", api.origin),
        Links::Relative => format!("{prefix}/recordings?{query}"),
        Links::ApiPath => format!("/recordings?{query}"),
        Links::QueryOnly => format!("?{query}"),
    }
}

/// Puts a value where a name with dots leads.
fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let entry = fields
                .entry(outer)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(deeper) = entry {
                put(deeper, inner, value);
            }
        }
    }
}

/// Nothing where there is to be no content. Joins the recordings as they are with the other fields, so that raw ones reach the client byte for byte.
fn assemble(name: &str, items: &[Vec<u8>], fields: &Map<String, Value>, api: &Api) -> Vec<u8> {
    let mut page = b"{\"statusCode\":0".to_vec();
    match api.quirks.empty_list {
        EmptyList::NoContent if items.is_empty() => return Vec::new(),
        EmptyList::Absent if items.is_empty() => {}
        EmptyList::Null if items.is_empty() => page.extend(format!(",\"{name}\":null").bytes()),
        _ => {
            page.extend(format!(",\"{name}\":[").bytes());
            page.extend(items.join(&b','));
            page.push(b']');
        }
    }
    for (name, value) in fields {
        page.extend(format!(",{}:", json!(name)).bytes());
        page.extend(to_bytes(value, &api.quirks));
    }
    page.push(b'}');
    page
}

fn framed(recording: impl Iterator<Item = Bytes> + Send + Sync + 'static) -> Pieces {
    Box::new(
        std::iter::once(Bytes::from_static(b"{\"statusCode\":0,\"recordings\":["))
            .chain(recording)
            .chain(std::iter::once(Bytes::from_static(b"]}"))),
    )
}
