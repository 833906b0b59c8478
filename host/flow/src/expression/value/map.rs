//! Objects: a field is looked up when it is asked for.

use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as ValIterator, Sizer, Zeroer};
use cel::common::types::{CelInt, CelString, Kind, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

use super::{charged, exhausted, key_text};
use crate::expression::scope::{Scope, missing};
use crate::json::Json;

pub(super) struct JsonMap<'a> {
    json: Json<'a>,
    scope: &'a Scope<'a>,
    keys: OnceLock<Vec<CelString<'a>>>,
}

impl<'a> JsonMap<'a> {
    pub(super) fn new(json: Json<'a>, scope: &'a Scope<'a>) -> Self {
        Self {
            json,
            scope,
            keys: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for JsonMap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.json.fmt(f)
    }
}

impl<'a> Val for JsonMap<'a> {
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
    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn as_zeroer(&self) -> Option<&dyn Zeroer> {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        let (Kind::Map, Some(sizer), Some(indexer)) = (
            other.get_type().kind(),
            other.as_sizer(),
            other.as_indexer(),
        ) else {
            return false;
        };
        sizer.size() == self.size()
            && self.json.fields().all(|(name, value)| {
                let Ok(mine) = charged(value, self.scope) else {
                    return false;
                };
                indexer
                    .get(&CelString::from(name))
                    .is_ok_and(|theirs| mine.equals(&*theirs))
            })
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self::new(self.json, self.scope))
    }
}

impl<'a> Indexer for JsonMap<'a> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key_text(key)?;
        match self.json.get(name) {
            Some(value) => {
                charged(value, self.scope).map(|value| CowVal::Owned(value as Box<dyn Val + 'v>))
            }
            None => {
                self.scope.miss(missing(
                    name,
                    "it",
                    self.json.fields().map(|(name, _)| name),
                ));
                Err(ExecutionError::no_such_key(name))
            }
        }
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key_text(key)?;
        match self.json.get(name) {
            Some(value) => charged(value, self.scope).map(|value| value as Box<dyn Val + 'v>),
            None => Err(ExecutionError::no_such_key(name)),
        }
    }
}

impl Container for JsonMap<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        if !self.scope.charge(0) {
            return Err(exhausted());
        }
        Ok(key_text(key).is_ok_and(|name| self.json.get(name).is_some()))
    }
}

impl Sizer for JsonMap<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.json.fields().len()).unwrap_or(i64::MAX))
    }
}

impl Zeroer for JsonMap<'_> {
    fn is_zero_value(&self) -> bool {
        self.json.fields().len() == 0
    }
}

impl<'a> Iterable for JsonMap<'a> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn ValIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let keys = self.keys.get_or_init(|| {
            self.json
                .fields()
                .map(|(name, _)| CelString::from(name))
                .collect()
        });
        Box::new(Keys {
            keys: keys.iter(),
            scope: self.scope,
        })
    }
}

struct Keys<'b, 'a> {
    keys: std::slice::Iter<'b, CelString<'a>>,
    scope: &'b Scope<'b>,
}

impl<'b, 'a: 'v, 'v> ValIterator<'b, 'v> for Keys<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.keys
            .next()
            .filter(|_| self.scope.charge(0))
            .map(|key| key as &(dyn Val + 'v))
    }
}
