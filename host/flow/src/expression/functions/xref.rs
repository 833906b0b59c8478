//! `xref('customer', 'crm', id, 'erp')` and the same with a default: the id that another system has for an entity.
//!
//! As with `table`, the call is rewritten when it is compiled: where to look comes as the first argument, under a name
//! nobody can write, and the default is looked at only when it is needed.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, Type};
use cel::common::value::{CowVal, StaticVal, Val};

use super::{Arguments, Declared, Outcome, texts};

pub(super) const FUNCTIONS: &[Declared] = &[("@xref", 5, look_up), ("@in_xref", 5, is_there)];

/// The name under which the scope has the cross-references.
pub(crate) const REFERENCES: &str = "@references";

const EXPECTED: &str =
    "expected xref('kind', 'system', id, 'other system') or the same with a default";

/// Where expressions look up ids of entities. Asked on the thread that evaluates: it must answer in microseconds.
pub trait Counterparts: Send + Sync {
    /// The id in `other` of the entity of this kind that has `id` in `system`.
    ///
    /// # Errors
    /// It cannot be known now.
    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, String>;
}

/// Where nothing can be looked up.
#[derive(Debug, Clone, Copy)]
pub struct NoCounterparts;

impl Counterparts for NoCounterparts {
    fn counterpart(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<String>, String> {
        Err("there are no cross-references here".to_owned())
    }
}

/// What a call of `xref` names where it is written out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedReference {
    /// The kind of entity.
    pub kind: Option<String>,
    /// The system whose id is given.
    pub system: Option<String>,
    /// The system whose id is wanted.
    pub other: Option<String>,
}

impl fmt::Display for NamedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
        let (kind, system, other) = (name(&self.kind), name(&self.system), name(&self.other));
        write!(f, "xref({kind}, {system}, {other})")
    }
}

static REFERENCES_TYPE: Type = Type::new_unspecified_type("references");

/// The cross-references as a value.
#[derive(Clone)]
pub(crate) struct ReferencesVal(pub(crate) Arc<dyn Counterparts>);

impl fmt::Debug for ReferencesVal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("references")
    }
}

impl Val for ReferencesVal {
    fn get_type(&self) -> &Type {
        &REFERENCES_TYPE
    }
    fn cel_type() -> &'static Type {
        &REFERENCES_TYPE
    }
    fn equals(&self, _: &dyn Val) -> bool {
        false
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for ReferencesVal {}

/// Rewrites a call of `xref`; says what it names.
///
/// # Errors
/// It has too few or too many arguments, or names one system twice.
pub(crate) fn xref_call(node: &mut IdedExpr) -> Result<Option<NamedReference>, String> {
    let id = node.id;
    let Expr::Call(call) = &mut node.expr else {
        return Ok(None);
    };
    if call.func_name != "xref" || call.target.is_some() {
        return Ok(None);
    }
    if !(4..=5).contains(&call.args.len()) {
        let found = call.args.len();
        return Err(format!("xref: found {found} arguments, {EXPECTED}"));
    }
    let named = NamedReference {
        kind: literal(&call.args, 0),
        system: literal(&call.args, 1),
        other: literal(&call.args, 3),
    };
    if named.system.is_some() && named.system == named.other {
        let system = named.system.unwrap_or_default();
        return Err(format!(
            "xref: found the system \"{system}\" on both sides, expected two systems"
        ));
    }
    let ided = |expr| IdedExpr { id, expr };
    let default = (call.args.len() == 5).then(|| call.args.pop()).flatten();
    let mut args = vec![ided(Expr::Ident(REFERENCES.to_owned()))];
    args.append(&mut call.args);
    let made = |function: &str, args| {
        ided(Expr::Call(CallExpr {
            func_name: function.to_owned(),
            target: None,
            args,
        }))
    };
    *node = match default {
        None => made("@xref", args),
        Some(default) => {
            let there = made("@in_xref", args.clone());
            let found = made("@xref", args);
            made(operators::CONDITIONAL, vec![there, found, default])
        }
    };
    Ok(Some(named))
}

fn literal(arguments: &[IdedExpr], at: usize) -> Option<String> {
    match arguments.get(at).map(|argument| &argument.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => Some(text.inner().to_owned()),
        _ => None,
    }
}

fn look_up<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "xref",
        values: &values,
    };
    let (found, id) = find(&arguments)?;
    let [kind, system, other] = [1, 2, 4].map(|at| arguments.text(at).unwrap_or_default());
    match found {
        Some(found) => Ok(texts(found)),
        None => Err(arguments.wrong(format!(
            "{system} \"{}\" is linked with no {kind} of {other}; link it, or write xref('{kind}', '{system}', ..., \
             '{other}', default)",
            super::cut(&id)
        ))),
    }
}

fn is_there<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "xref",
        values: &values,
    };
    let (found, _) = find(&arguments)?;
    Ok(CowVal::owned(CelBool::from(found.is_some())))
}

fn find(
    arguments: &Arguments<'_, '_, '_>,
) -> Result<(Option<String>, String), cel::ExecutionError> {
    let references = arguments.value(0)?.downcast_ref::<ReferencesVal>();
    let references =
        references.ok_or_else(|| arguments.wrong("there are no cross-references here"))?;
    let (kind, system) = (arguments.text(1)?, arguments.text(2)?);
    let (id, other) = (arguments.text_or_number(3)?, arguments.text(4)?);
    let found = references.0.counterpart(kind, system, &id, other);
    Ok((found.map_err(|message| arguments.wrong(message))?, id))
}
