//! `audit` of `tombolo.yaml`: where records are sent to while they are made.

use tombolo_flow::yaml::Node;
use url::Url;

use super::fields::{self, Fields, Problems};

/// Collectors of the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditExport {
    /// One that speaks syslog.
    pub syslog: Option<SyslogPlace>,
    /// One that speaks OTLP over HTTP: its address without `/v1/logs`.
    pub otlp: Option<String>,
}

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogPlace {
    /// Over TCP, each message with its length; else a datagram each, which nobody confirms.
    pub over_tcp: bool,
    /// `collector.example:6514`.
    pub address: String,
}

/// Reads `audit`.
pub(super) fn read(node: &Node, problems: &mut Problems) -> AuditExport {
    let mut export = AuditExport::default();
    let fields = Fields::known(node, "audit", &["export"], problems);
    let Some(node) = fields.and_then(|fields| fields.get("export")) else {
        return export;
    };
    let Some(fields) = Fields::known(node, "audit.export", &["syslog", "otlp"], problems) else {
        return export;
    };
    export.syslog = fields.get("syslog").and_then(|node| syslog(node, problems));
    export.otlp = fields.get("otlp").and_then(|node| otlp(node, problems));
    export
}

fn syslog(node: &Node, problems: &mut Problems) -> Option<SyslogPlace> {
    let text = fields::text(node, "audit.export.syslog", problems)?;
    let place = Url::parse(text).ok().and_then(|url| {
        let over_tcp = match url.scheme() {
            "tcp" => true,
            "udp" => false,
            _ => return None,
        };
        let address = format!("{}:{}", url.host_str()?, url.port()?);
        (is_bare(&url) && matches!(url.path(), "" | "/"))
            .then_some(SyslogPlace { over_tcp, address })
    });
    if place.is_none() {
        let expected = "an address such as `tcp://collector.example:6514` or `udp://127.0.0.1:514`";
        problems.unexpected(node, "audit.export.syslog", expected);
    }
    place
}

fn otlp(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = fields::text(node, "audit.export.otlp", problems)?;
    let url = Url::parse(text).ok();
    let url = url
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare(url));
    if url.is_none() {
        let expected =
            "an address such as `http://collector.example:4318`, without user, query or fragment";
        problems.unexpected(node, "audit.export.otlp", expected);
    }
    url.map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// Nothing but a place: a credential would be shown.
fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}
