//! The two servers: addresses, proxies, certificates and logins.

use rcbs_io::gws::GwsOptions;
use rcbs_io::http::{HttpOptions, ProxyOptions};
use rcbs_io::s3::S3Options;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::flag;
use crate::config::address;
use crate::config::env::Variable;
use crate::config::finding::Finding;
use crate::config::keys::Key;
use crate::config::pem;
use crate::config::reader::Reader;
use crate::config::scalar;
use crate::config::settings::MediaMode;

/// The keys of one proxy.
struct ProxyKeys {
    host: Key,
    port: Key,
    user: Key,
    password: Variable,
    login_belongs: &'static str,
}

const GWS_PROXY: ProxyKeys = ProxyKeys {
    host: Key::GwsProxyHost,
    port: Key::GwsProxyPort,
    user: Key::GwsProxyUser,
    password: Variable::GwsProxyPassword,
    login_belongs: "set gwsProxyUser, and GWS_PROXY_PASSWORD in the environment",
};

const AWS_PROXY: ProxyKeys = ProxyKeys {
    host: Key::AwsProxyHost,
    port: Key::AwsProxyPort,
    user: Key::AwsProxyUser,
    password: Variable::AwsProxyPassword,
    login_belongs: "set awsProxyUser, and AWS_PROXY_PASSWORD in the environment",
};

/// What holds for both servers.
pub(super) struct Shared {
    ca_pem: Option<Vec<u8>>,
    allow_insecure_http: bool,
}

/// What holds for both servers.
pub(super) fn shared(reader: &mut Reader<'_>) -> Shared {
    Shared {
        ca_pem: ca_pem(reader),
        allow_insecure_http: flag(reader, Key::AllowInsecureHttp),
    }
}

/// The recording API.
pub(super) fn gws(reader: &mut Reader<'_>, shared: &Shared) -> Option<GwsOptions> {
    if !reader.is_given(Key::GwsUriPrefix) {
        let name = Key::GwsUriPrefix.name();
        reader.report(
            Finding::error(name, format!("{name} is not set, and it is mandatory"))
                .hint(format!("add {}", Key::GwsUriPrefix.info().example)),
        );
    }
    let prefix = server_url(
        reader,
        Key::GwsUriPrefix,
        shared,
        "set GWS_USERNAME and GWS_PASSWORD in the environment",
    );
    let recordings_path = api_path(reader, Key::GwsRecordingsUri);
    let settings_path = api_path(reader, Key::GwsSettingsUri);
    let http = http(reader, &GWS_PROXY, shared);
    let username = username(reader);
    let password = reader.needed_secret(Variable::GwsPassword);
    Some(GwsOptions {
        prefix: prefix?,
        recordings_path,
        settings_path,
        username: username?,
        password: password?,
        http,
    })
}

/// The store, unless only metadata are wanted.
pub(super) fn media(reader: &mut Reader<'_>, shared: &Shared) -> MediaMode {
    let metadata_only = flag(reader, Key::MetadataOnly);
    let endpoint = server_url(
        reader,
        Key::AwsEndpoint,
        shared,
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    );
    let region = reader.read(Key::AwsRegion, scalar::region);
    let payload_signing = flag(reader, Key::UsePayloadSigning);
    if metadata_only {
        // Its keys are still checked: the switch will be turned back some day.
        drop(proxy_url(reader, &AWS_PROXY));
        return MediaMode::MetadataOnly;
    }
    let http = http(reader, &AWS_PROXY, shared);
    let access_key_id = access_key_id(reader);
    let secret_access_key = reader.needed_secret(Variable::AwsSecretAccessKey);
    MediaMode::Full(access_key_id.zip(secret_access_key).map(
        |(access_key_id, secret_access_key)| S3Options {
            access_key_id,
            secret_access_key,
            endpoint,
            region,
            payload_signing,
            http,
        },
    ))
}

/// The certificates of `caFile`; `None` when there is no file or something is wrong with it (and reported).
fn ca_pem(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let key = Key::CaFile;
    let path = reader.path(key)?;
    pem::read(&path)
        .map_err(|refusal| reader.refuse(key, &refusal))
        .ok()
}

/// A server's base URL, unencrypted only where the operator accepts it, and then with a warning in every run.
fn server_url(
    reader: &mut Reader<'_>,
    key: Key,
    shared: &Shared,
    login_belongs: &'static str,
) -> Option<Url> {
    let url = reader.read(key, |text| {
        let url = address::base_url(text, login_belongs)?;
        if shared.allow_insecure_http {
            Ok(url)
        } else {
            address::secure(url)
        }
    })?;
    if address::is_insecure(&url)
        && let Some(given) = reader.given(key)
    {
        reader.report(
            given
                .warning("is not encrypted; others can read what is sent there")
                .hint("use https:// and remove allowInsecureHttp"),
        );
    }
    Some(url)
}

fn api_path(reader: &mut Reader<'_>, key: Key) -> String {
    let default = key.info().default.unwrap_or_default();
    let Some((path, added)) = reader.read(key, address::api_path) else {
        return default.to_owned();
    };
    if added && let Some(given) = reader.given(key) {
        let text = format!("has no / at its front and is read as {path}");
        reader.report(given.warning(text).hint(format!("write {path}")));
    }
    path
}

fn username(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.needed_secret(Variable::GwsUsername)?;
    if text.expose_secret().contains(':') {
        // RFC 7617: in a Basic login the first colon ends the user.
        let name = Variable::GwsUsername.name();
        reader.report(
            Finding::error(
                name,
                format!("{name} contains a colon, which no user of the API can have"),
            )
            .hint("check that user and password are not joined or exchanged"),
        );
    }
    Some(text.expose_secret().to_owned())
}

fn access_key_id(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.needed_secret(Variable::AwsAccessKeyId)?;
    let text = text.expose_secret().trim();
    // It becomes a part of a header between `=` and `/`.
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'=');
    if !text.bytes().all(plain) {
        let name = Variable::AwsAccessKeyId.name();
        reader.report(
            Finding::error(
                name,
                format!("{name} contains characters that no key id has"),
            )
            .hint("check that id and secret key are not exchanged"),
        );
    }
    Some(text.to_owned())
}

fn http(reader: &mut Reader<'_>, keys: &ProxyKeys, shared: &Shared) -> HttpOptions {
    let url = proxy_url(reader, keys);
    let login = proxy_login(reader, keys);
    HttpOptions {
        proxy: url.map(|url| ProxyOptions { url, login }),
        extra_ca_pem: shared.ca_pem.clone(),
    }
}

/// Host and port as one URL; `None` when there is no proxy or something is wrong with it (and reported).
fn proxy_url(reader: &mut Reader<'_>, keys: &ProxyKeys) -> Option<Url> {
    reader.require(keys.host, keys.port);
    reader.require(keys.port, keys.host);
    reader.require(keys.user, keys.host);
    let url = reader.read(keys.host, |text| {
        address::proxy_host(text, keys.login_belongs)
    });
    let port = reader.read(keys.port, |text| scalar::number(text, 1, 65_535));
    let (mut url, port) = (url?, u16::try_from(port?).ok()?);
    // Fails only for URLs that can have no port; these have a host.
    url.set_port(Some(port)).ok()?;
    Some(url)
}

fn proxy_login(reader: &mut Reader<'_>, keys: &ProxyKeys) -> Option<(String, SecretString)> {
    let (name, variable) = (keys.user.name(), keys.password.name());
    if !reader.is_given(keys.user) {
        if let Ok(Some(secret)) = reader.secret(keys.password) {
            reader.report(
                Finding::warning(
                    variable,
                    format!("{variable} is set, but {name} is not, so it is not used"),
                )
                .at(&secret.origin)
                .hint(format!("add {name}, or unset {variable}")),
            );
        }
        return None;
    }
    let user = reader.read(keys.user, scalar::user);
    let password = reader.needed_secret(keys.password);
    Some((user?, password?))
}
