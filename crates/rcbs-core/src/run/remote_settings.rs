//! Asks for the backup's settings group, once: its certificates are those that recordings are sealed for, and nothing
//! depends on their being there.

use super::context::Context;
use crate::fetch::CloudCertificates;
use crate::ports::RecordingApi;
use crate::readiness;

/// Asks without patience: a server that has no settings for us, or none right now, holds nothing up.
/// Asks nothing where the answer is known already.
pub(crate) async fn ask(context: &Context) {
    if matches!(context.seals.clouds(), CloudCertificates::Named(_)) {
        return;
    }
    let answer = answer(context.api_once.as_ref()).await;
    context.seals.name_clouds(answer);
}

/// Asks with patience, because the answer is needed.
pub(crate) async fn ask_patiently(context: &Context) {
    let answer = answer(context.api.as_ref()).await;
    context.seals.name_clouds(answer);
}

/// The certificates that the settings name.
async fn answer(api: &dyn RecordingApi) -> CloudCertificates {
    match api.settings().await {
        Ok(Some(settings)) => {
            let certificates = settings.certificates.len();
            tracing::debug!(names = ?settings.names, certificates, "the server's settings for the backup");
            let texts = settings.certificates.iter().map(String::as_bytes);
            CloudCertificates::Named(readiness::certificates(texts))
        }
        Ok(None) => {
            tracing::debug!("the server has no settings for the backup");
            CloudCertificates::Named(Vec::new())
        }
        Err(error) => {
            tracing::info!(%error, "the server's settings for the backup are unknown");
            CloudCertificates::Unknown {
                reason: error.to_string(),
            }
        }
    }
}
