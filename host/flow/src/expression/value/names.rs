//! The roots: `event`, `steps`, `vars`, `run`.

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

use super::{exhausted, key_text, to_val};
use crate::expression::Found;
use crate::expression::scope::{Scope, missing};

/// One of the roots.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    root: &'static str,
    scope: &'a Scope<'a>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(root: &'static str, scope: &'a Scope<'a>) -> Self {
        Self { root, scope }
    }

    fn look_up(&self, name: &str) -> Option<Box<dyn Val + 'a>> {
        self.scope.field(self.root, name).map(|found| match found {
            Found::Text(text) => Box::new(CelString::from(text)) as Box<dyn Val + 'a>,
            Found::Json(json) => to_val(json, self.scope),
        })
    }
}

impl std::fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.root)
    }
}

impl<'a> Val for Names<'a> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }
    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl<'a> Indexer for Names<'a> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key_text(key)?;
        if !self.scope.charge(0) {
            return Err(exhausted());
        }
        if let Some(value) = self.look_up(name) {
            return Ok(CowVal::Owned(value));
        }
        self.scope.miss(missing(
            name,
            self.root,
            self.scope.names(self.root).into_iter(),
        ));
        Err(ExecutionError::no_such_key(name))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Container for Names<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.look_up(key_text(key)?).is_some())
    }
}
