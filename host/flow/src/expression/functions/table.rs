//! `table('intent', x)` and `table('intent', x, default)`: a value of the site's maps.
//!
//! The maps are the scope's, so the call is rewritten when it is compiled: the function gets them as its first
//! argument, under a name nobody can write, and the default is looked at only when it is needed.

use std::any::Any;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, CelMap, CelMapKey, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};

use super::{Arguments, Declared, Outcome, texts};
use crate::json::Shape;
use crate::tables::Tables;

pub(super) const FUNCTIONS: &[Declared] = &[("@table", 3, look_up), ("@in_table", 3, is_there)];

/// The name under which the scope has the maps.
pub(crate) const TABLES: &str = "@tables";

static TABLES_TYPE: Type = Type::new_unspecified_type("tables");

/// The maps as a value.
#[derive(Debug, Clone)]
pub(crate) struct TablesVal(pub(crate) Arc<Tables>);

impl Val for TablesVal {
    fn get_type(&self) -> &Type {
        &TABLES_TYPE
    }
    fn cel_type() -> &'static Type {
        &TABLES_TYPE
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

impl StaticVal for TablesVal {}

/// Rewrites a call of `table`; the name of the table where it is written out.
///
/// # Errors
/// It has too few or too many arguments.
pub(crate) fn table_call(node: &mut IdedExpr) -> Result<Option<String>, String> {
    let id = node.id;
    let Expr::Call(call) = &mut node.expr else {
        return Ok(None);
    };
    if call.func_name != "table" || call.target.is_some() {
        return Ok(None);
    }
    if !(2..=3).contains(&call.args.len()) {
        return Err(format!(
            "table: found {} arguments, expected table('name', key) or table('name', key, default)",
            call.args.len()
        ));
    }
    let name = match call.args.first().map(|name| &name.expr) {
        Some(Expr::Literal(LiteralValue::String(name))) => Some(name.inner().to_owned()),
        _ => None,
    };
    let ided = |expr| IdedExpr { id, expr };
    let default = (call.args.len() == 3).then(|| call.args.pop()).flatten();
    let mut args = vec![ided(Expr::Ident(TABLES.to_owned()))];
    args.append(&mut call.args);
    let made = |function: &str, args| {
        ided(Expr::Call(CallExpr {
            func_name: function.to_owned(),
            target: None,
            args,
        }))
    };
    *node = match default {
        None => made("@table", args),
        Some(default) => {
            let there = made("@in_table", args.clone());
            made(
                operators::CONDITIONAL,
                vec![there, made("@table", args), default],
            )
        }
    };
    Ok(name)
}

fn look_up<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "table",
        values: &values,
    };
    let (tables, name, key) = parts(&arguments)?;
    let found = tables
        .0
        .find(name, &key)
        .map_err(|message| arguments.wrong(message))?;
    let Some(value) = found else {
        return Err(arguments.wrong(format!(
            "there is no key \"{}\" in tables/{name}.csv; add it, or write table('{name}', ..., default)",
            super::cut(&key)
        )));
    };
    let json = value.json();
    if json.shape() == Shape::Text {
        return Ok(texts(json.text().unwrap_or_default().into_owned()));
    }
    let fields = json.fields().map(|(name, value)| {
        let text = value.text().unwrap_or_default().into_owned();
        (CelString::from(name.to_owned()), CelString::from(text))
    });
    let map: std::collections::HashMap<_, _> = fields
        .map(|(name, text)| (CelMapKey::String(name), Box::new(text) as Box<dyn Val>))
        .collect();
    Ok(CowVal::owned(CelMap::from(map)))
}

fn is_there<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "table",
        values: &values,
    };
    let (tables, name, key) = parts(&arguments)?;
    let found = tables
        .0
        .find(name, &key)
        .map_err(|message| arguments.wrong(message))?;
    Ok(CowVal::owned(CelBool::from(found.is_some())))
}

fn parts<'a>(
    arguments: &'a Arguments<'_, '_, '_>,
) -> Result<(&'a TablesVal, &'a str, String), ExecutionError> {
    let tables = arguments.value(0)?.downcast_ref::<TablesVal>();
    let tables = tables.ok_or_else(|| arguments.wrong("there are no tables here"))?;
    Ok((tables, arguments.text(1)?, arguments.text_or_number(2)?))
}
