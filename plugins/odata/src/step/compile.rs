//! A step's options, made ready or refused with the field that cannot be.

use super::*;
use crate::properties::require_name;

type Options<'a> = &'a StepOptions;

impl Step {
    pub(crate) fn compile(
        options: StepOptions,
        client: &Rc<Client>,
        entities: &Entities,
    ) -> Result<Self, String> {
        let condition = |name: &str, draft: &Option<_>| {
            draft
                .as_ref()
                .map(Condition::compile)
                .transpose()
                .map_err(|problem| format!("{name}: {problem}"))
        };
        let each = hole("each", options.each.as_ref())?;
        if options.together && each.is_none() {
            return Err("together: is for what `each` repeats".to_owned());
        }
        let step = Self {
            name: options.r#as.clone(),
            when: condition("when", &options.when)?,
            unless: condition("unless", &options.unless)?,
            together: options.together,
            optional: options.optional,
            client: client.clone(),
            operation: operation(&options, entities)?,
            each,
        };
        if step.together && !matches!(step.operation, Operation::Change(_)) {
            return Err("together: only changes go together".to_owned());
        }
        Ok(step)
    }
}

fn operation(options: Options<'_>, entities: &Entities) -> Result<Operation, String> {
    let verbs = [
        ("list", &options.list),
        ("get", &options.get),
        ("create", &options.create),
        ("update", &options.update),
        ("upsert", &options.upsert),
        ("delete", &options.delete),
        ("action", &options.action),
        ("function", &options.function),
    ];
    let said: Vec<_> = verbs
        .iter()
        .filter_map(|(verb, of)| Some((*verb, of.as_deref()?)))
        .collect();
    let (verb, of) = match (said.as_slice(), options.metadata) {
        ([one], None) => *one,
        ([], Some(_)) => return Ok(Operation::Check(entities.values().cloned().collect())),
        _ => {
            let names = verbs.map(|(verb, _)| verb).join(", ");
            return Err(format!("expected exactly one of {names} or metadata"));
        }
    };
    fitting(options, verb)?;
    let is_call = matches!(verb, "action" | "function");
    let named = if is_call {
        require_name(of).map_err(|problem| format!("{verb}: {problem}"))?;
        options.on.as_deref().ok_or_else(|| {
            format!("on: is missing; it names the entity whose service has the {verb}")
        })?
    } else {
        of
    };
    let entity = entity_of(entities, named).map_err(|problem| format!("{verb}: {problem}"))?;
    if !is_call {
        entity.set()?;
    }
    let key = body("key", options.key.as_ref())?;
    let filter =
        Filter::compile(options.filter.as_ref()).map_err(|problem| format!("filter: {problem}"))?;
    let order = |names: &[String]| {
        Order::new(&entity, names).map_err(|problem| format!("order: {problem}"))
    };
    match verb {
        "list" => {
            let limit = hole("limit", options.limit.as_ref())?;
            let after = hole("after", options.after.as_ref())?;
            let names = options.order.clone().unwrap_or_else(|| {
                if limit.is_some() {
                    entity.key.clone()
                } else {
                    Vec::new()
                }
            });
            if limit.is_some() && names.is_empty() {
                return Err("order: is missing; a list that comes page by page needs it, or the entity its `key`".to_owned());
            }
            if after.is_some() && limit.is_none() {
                return Err("after: needs `limit` beside it".to_owned());
            }
            Ok(Operation::List(listing::Listing {
                order: order(&names)?,
                entity,
                filter,
                limit,
                after,
                items: options.items.clone().unwrap_or_else(|| "items".to_owned()),
                sums: options.sum.clone(),
                pluck: options.pluck.clone(),
                distinct: options.distinct,
            }))
        }
        "get" => {
            let which = match (key, options.filter.is_some()) {
                (Some(key), false) => Which::Key(key),
                (None, true) => Which::Filter(filter),
                _ => return Err("get: expected either `key` or `filter`".to_owned()),
            };
            let order = order(&entity.key.clone())?;
            Ok(Operation::Get(entity, which, order))
        }
        "function" => {
            let parameters = body("parameters", options.parameters.as_ref())?;
            Ok(Operation::Function(
                entity,
                of.to_owned(),
                parameters.unwrap_or_default(),
            ))
        }
        _ => changing(options, verb, of, entity, key).map(Operation::Change),
    }
}

fn changing(
    options: Options<'_>,
    verb: &str,
    of: &str,
    entity: Rc<Entity>,
    key: Option<Body>,
) -> Result<Changing, String> {
    let (verb, default) = match verb {
        "create" => (Verb::Create, Etag::None),
        "update" => (Verb::Update, Etag::Read),
        "upsert" => (Verb::Upsert, Etag::None),
        "delete" => (Verb::Delete, Etag::Read),
        _ => (Verb::Action(of.to_owned()), Etag::None),
    };
    let needs_key = matches!(verb, Verb::Update | Verb::Upsert | Verb::Delete);
    if needs_key && key.is_none() {
        return Err("key: is missing; it says which one is meant".to_owned());
    }
    let (name, draft) = match verb {
        Verb::Action(_) => ("parameters", options.parameters.as_ref()),
        _ => ("body", options.body.as_ref()),
    };
    let body = body(name, draft)?;
    if body.is_none() && matches!(verb, Verb::Create | Verb::Update | Verb::Upsert) {
        return Err("body: is missing".to_owned());
    }
    let etag = match options.etag.as_deref() {
        None => default,
        Some("read") => Etag::Read,
        Some("any") => Etag::Any,
        Some("none") => Etag::None,
        Some(text) if text.contains('{') => {
            let draft = tombolo_sdk::template::Draft::Text(text.to_owned());
            Etag::Given(Hole::compile(&draft).map_err(|problem| format!("etag: {problem}"))?)
        }
        Some(_) => {
            return Err("etag: expected read, any, none or a template such as `{etag}`".to_owned());
        }
    };
    let once = match &options.once {
        None => None,
        Some(once) if once.length < once::SHORTEST => {
            return Err(format!(
                "once.length: found {}, expected at least {}: shorter keys are not one of their kind",
                once.length,
                once::SHORTEST
            ));
        }
        Some(once) => {
            require_name(&once.property).map_err(|problem| format!("once.property: {problem}"))?;
            let order = Order::new(&entity, &entity.key)?;
            Some((once.clone(), order))
        }
    };
    Ok(Changing {
        entity,
        verb,
        key,
        body,
        etag,
        once,
    })
}

/// That nothing stands there which the verb does not know.
fn fitting(options: Options<'_>, verb: &str) -> Result<(), String> {
    let said = [
        ("on", options.on.is_some(), &["action", "function"][..]),
        (
            "key",
            options.key.is_some(),
            &["get", "update", "upsert", "delete", "action"],
        ),
        ("filter", options.filter.is_some(), &["list", "get"]),
        ("order", options.order.is_some(), &["list"]),
        ("limit", options.limit.is_some(), &["list"]),
        ("after", options.after.is_some(), &["list"]),
        ("items", options.items.is_some(), &["list"]),
        ("pluck", options.pluck.is_some(), &["list"]),
        ("distinct", options.distinct, &["list"]),
        ("sum", !options.sum.is_empty(), &["list"]),
        (
            "body",
            options.body.is_some(),
            &["create", "update", "upsert"],
        ),
        (
            "parameters",
            options.parameters.is_some(),
            &["action", "function"],
        ),
        ("once", options.once.is_some(), &["create"]),
        (
            "etag",
            options.etag.is_some(),
            &["update", "delete", "action"],
        ),
    ];
    let wrong = said
        .iter()
        .find(|(_, there, verbs)| *there && !verbs.contains(&verb));
    match wrong {
        Some((name, _, verbs)) => Err(format!(
            "{name}: `{verb}` takes none; it is for {}",
            verbs.join(", ")
        )),
        None => Ok(()),
    }
}

fn hole(name: &str, draft: Option<&tombolo_sdk::template::Draft>) -> Result<Option<Hole>, String> {
    draft
        .map(Hole::compile)
        .transpose()
        .map_err(|problem| format!("{name}: {problem}"))
}

fn body(name: &str, draft: Option<&tombolo_sdk::template::Draft>) -> Result<Option<Body>, String> {
    draft
        .map(Body::compile)
        .transpose()
        .map_err(|problem| format!("{name}: {problem}"))
}
