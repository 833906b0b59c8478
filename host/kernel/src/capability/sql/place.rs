//! Where a database is: the operator's URL into connection options. Nothing is taken from the environment, and no
//! message holds a password.

use sqlx::ConnectOptions as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::secret::Secret;

/// What a URL says.
struct Place {
    host: String,
    port: Option<u16>,
    user: String,
    database: String,
    password: String,
    ssl_mode: Option<String>,
    ssl_root: Option<String>,
    socket: Option<String>,
}

impl Place {
    fn read(url: &Url, password: Option<&Secret>) -> Result<Self, String> {
        if url.password().is_some() {
            return Err("the address holds a password; name it under `password` (env:NAME, file:PATH or age:NAME)".into());
        }
        let decoded = |text: &str| {
            percent_decoded(text).ok_or("the address is not UTF-8 where it is decoded")
        };
        let mut place = Self {
            host: url.host().map(|host| host.to_string()).unwrap_or_default(),
            port: url.port(),
            user: decoded(url.username())?,
            database: decoded(url.path().trim_start_matches('/'))?,
            password: match password {
                Some(secret) => secret
                    .expose_text()
                    .ok_or("the password is not UTF-8 text; check the value that is bound")?
                    .to_owned(),
                None => String::new(),
            },
            ssl_mode: None,
            ssl_root: None,
            socket: None,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" | "ssl-mode" => place.ssl_mode = Some(value.into_owned()),
                "sslrootcert" | "ssl-ca" => place.ssl_root = Some(value.into_owned()),
                "socket" => place.socket = Some(value.into_owned()),
                other => {
                    return Err(format!(
                        "the address has `{}`; there are sslmode, sslrootcert and socket",
                        other.escape_default()
                    ));
                }
            }
        }
        if place.user.is_empty()
            || place.database.is_empty()
            || (place.host.is_empty() && place.socket.is_none())
        {
            return Err(
                "the address is not complete; expected SCHEME://USER@HOST:PORT/DATABASE".into(),
            );
        }
        Ok(place)
    }
}

pub(super) fn postgres(url: &Url, password: Option<&Secret>) -> Result<PgConnectOptions, String> {
    let place = Place::read(url, password)?;
    let mode = place.ssl_mode.as_deref().unwrap_or("prefer");
    let mode: PgSslMode = mode.parse().map_err(|_| {
        format!("sslmode `{}` is unknown; there are disable, prefer, require, verify-ca and verify-full", mode.escape_default())
    })?;
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&place.host)
        .port(place.port.unwrap_or(5432))
        .username(&place.user)
        .password(&place.password)
        .database(&place.database)
        .ssl_mode(mode)
        .application_name("tombolo")
        .disable_statement_logging();
    if let Some(root) = &place.ssl_root {
        options = options.ssl_root_cert(root);
    }
    if let Some(socket) = &place.socket {
        options = options.socket(socket);
    }
    Ok(options)
}

pub(super) fn mysql(url: &Url, password: Option<&Secret>) -> Result<MySqlConnectOptions, String> {
    let place = Place::read(url, password)?;
    let mode = match place.ssl_mode.as_deref().unwrap_or("prefer") {
        "disable" => MySqlSslMode::Disabled,
        "prefer" => MySqlSslMode::Preferred,
        "require" => MySqlSslMode::Required,
        "verify-ca" => MySqlSslMode::VerifyCa,
        "verify-full" => MySqlSslMode::VerifyIdentity,
        other => {
            let shown = other.escape_default();
            return Err(format!(
                "sslmode `{shown}` is unknown; there are disable, prefer, require, verify-ca and verify-full"
            ));
        }
    };
    let mut options = MySqlConnectOptions::new()
        .host(&place.host)
        .port(place.port.unwrap_or(3306))
        .username(&place.user)
        .database(&place.database)
        .ssl_mode(mode)
        // `||` means what the server's own mode says.
        .pipes_as_concat(false)
        .disable_statement_logging();
    if !place.password.is_empty() {
        options = options.password(&place.password);
    }
    if let Some(root) = &place.ssl_root {
        options = options.ssl_ca(root);
    }
    if let Some(socket) = &place.socket {
        options = options.socket(socket);
    }
    Ok(options)
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}
