//! Actions and functions: bound to an entity by its key, or of the service.

use super::*;
use tombolo_sdk::json::Pointers;

/// In V2 a function import with the key among its parameters; in V4 the key is in the path and the parameters are the body.
pub(super) fn action(
    entity: &Entity,
    name: &str,
    key: Option<&Body>,
    parameters: Option<&Body>,
    context: &Context,
) -> Result<Change, Failure> {
    let mut change = Change {
        method: Method::Post,
        path: name.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    };
    match entity.version {
        Version::V2 => {
            for body in key.into_iter().chain(parameters) {
                change.query.extend(body.literals(entity, context)?);
            }
            // Some services read no parameters of a request that does not say so.
            let kind = ("content-type".to_owned(), "application/json".to_owned());
            change.headers.push(kind);
        }
        Version::V4 => {
            if let Some(key) = key {
                change.path = format!("{}/{name}", path_of(entity, key, context)?);
            }
            let mut out = String::new();
            parameters
                .unwrap_or(&Body::default())
                .fill(entity, context, &[], &mut out)?;
            change.body = Some(out);
        }
    }
    Ok(change)
}

/// A function. In V4 its parameters are aliases, whose values stand in the query: the path is the same in every call.
pub(super) fn function(
    client: &Client,
    entity: &Entity,
    name: &str,
    parameters: &Body,
    context: &Context,
) -> Result<Option<String>, Failure> {
    let literals = parameters.literals(entity, context)?;
    let mut path = format!("{}/{name}", entity.service);
    let mut query = Vec::new();
    match entity.version {
        Version::V2 => query = literals,
        Version::V4 => {
            let aliases: Vec<_> = literals
                .iter()
                .map(|(name, _)| format!("{name}=@{name}"))
                .collect();
            path.push_str(&format!("({})", aliases.join(",")));
            for (name, literal) in literals {
                query.push((format!("@{name}"), literal));
            }
        }
    }
    let request = client.request(Method::Get, path).with_query(query);
    let response = client.read(&request)?;
    match client::entity(entity.version, &response)? {
        Some(raw) => result(entity, name, &raw),
        None => Ok(None),
    }
}

/// What a function or action gives: one, a list, or a plain value. V2 wraps it in its name.
pub(super) fn result(entity: &Entity, name: &str, raw: &str) -> Result<Option<String>, Failure> {
    let mut pointers = Pointers::new();
    let own = pointers.add_member(name.rsplit('.').next().unwrap_or(name));
    let (results, value) = (pointers.add_member("results"), pointers.add_member("value"));
    let find = |text| {
        let found = pointers.find(text);
        found.map_err(|error| Failure::unavailable(format!("an answer: {error}"), None))
    };
    let whole = find(raw)?.get(own).unwrap_or(raw);
    if !whole.starts_with('{') {
        return Ok(Some(whole.to_owned()));
    }
    let found = find(whole)?;
    let many = match entity.version {
        Version::V2 => found.get(results),
        Version::V4 => found.get(value),
    };
    match many {
        None => entity.tell(whole).map(Some),
        Some(many) => match elements(many) {
            None => Ok(Some(many.to_owned())),
            Some(items) => {
                let told: Result<Vec<_>, _> = items.iter().map(|item| entity.tell(item)).collect();
                Ok(Some(format!("[{}]", told?.join(","))))
            }
        },
    }
}
