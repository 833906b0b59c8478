//! Lists: an item is looked up when it is asked for; going through all makes each once.

use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{
    Adder, Container, Indexer, Iterable, Iterator as ValIterator, Sizer, Zeroer,
};
use cel::common::types::{CelInt, CelList, CelUInt, Kind, LIST_TYPE, Type};
use cel::common::value::{CowVal, Val};

use super::{charged, to_val};
use crate::expression::scope::Scope;
use crate::json::Json;

pub(super) struct JsonList<'a> {
    json: Json<'a>,
    scope: &'a Scope<'a>,
    items: OnceLock<Vec<Box<dyn Val + 'a>>>,
}

impl<'a> JsonList<'a> {
    pub(super) fn new(json: Json<'a>, scope: &'a Scope<'a>) -> Self {
        Self {
            json,
            scope,
            items: OnceLock::new(),
        }
    }

    fn values(&self) -> &Vec<Box<dyn Val + 'a>> {
        self.items.get_or_init(|| {
            self.json
                .items()
                .map(|item| to_val(item, self.scope))
                .collect()
        })
    }
}

impl std::fmt::Debug for JsonList<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.json.fmt(f)
    }
}

impl<'a> Val for JsonList<'a> {
    fn get_type(&self) -> &Type {
        &LIST_TYPE
    }
    fn cel_type() -> &'static Type {
        &LIST_TYPE
    }
    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
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
        let (Kind::List, Some(sizer), Some(iterable)) = (
            other.get_type().kind(),
            other.as_sizer(),
            other.as_iterable(),
        ) else {
            return false;
        };
        if sizer.size() != self.size() {
            return false;
        }
        let mut theirs = iterable.iter();
        self.json.items().all(|item| {
            let Ok(mine) = charged(item, self.scope) else {
                return false;
            };
            theirs.next().is_some_and(|theirs| mine.equals(theirs))
        })
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self::new(self.json, self.scope))
    }
}

impl<'a> Adder for JsonList<'a> {
    fn add<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let Some(iterable) = other.as_iterable() else {
            return Err(ExecutionError::UnexpectedType {
                got: other.get_type().name().to_owned(),
                want: "list".to_owned(),
            });
        };
        let mut values: Vec<Box<dyn Val + 'v>> = Vec::with_capacity(self.json.items().len());
        for item in self.json.items() {
            values.push(charged(item, self.scope)?);
        }
        let mut theirs = iterable.iter();
        while let Some(value) = theirs.next() {
            values.push(value.clone_as_boxed());
        }
        Ok(CowVal::owned(CelList::from(values)))
    }
}

impl<'a> Indexer for JsonList<'a> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.at(index)
            .map(|value| CowVal::Owned(value as Box<dyn Val + 'v>))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.at(index).map(|value| value as Box<dyn Val + 'v>)
    }
}

impl<'a> JsonList<'a> {
    fn at(&self, index: &dyn Val) -> Result<Box<dyn Val + 'a>, ExecutionError> {
        let place = if let Some(int) = index.downcast_ref::<CelInt>() {
            *int.inner()
        } else if let Some(uint) = index.downcast_ref::<CelUInt>() {
            i64::try_from(*uint.inner()).unwrap_or(i64::MAX)
        } else {
            let got = index.get_type().name().to_owned();
            return Err(ExecutionError::UnexpectedType {
                got,
                want: "int".to_owned(),
            });
        };
        match usize::try_from(place)
            .ok()
            .and_then(|place| self.json.item(place))
        {
            Some(item) => charged(item, self.scope),
            None => {
                let count = self.json.items().len();
                self.scope.miss(format!(
                    "there is no item {place} in a list of {count}; the first is 0"
                ));
                Err(ExecutionError::no_such_key(&place.to_string()))
            }
        }
    }
}

impl Container for JsonList<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        for item in self.json.items() {
            if charged(item, self.scope)?.equals(value) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Sizer for JsonList<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.json.items().len()).unwrap_or(i64::MAX))
    }
}

impl Zeroer for JsonList<'_> {
    fn is_zero_value(&self) -> bool {
        self.json.items().len() == 0
    }
}

impl<'a> Iterable for JsonList<'a> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn ValIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items {
            items: self.values().iter(),
            scope: self.scope,
        })
    }
}

struct Items<'b, 'a> {
    items: std::slice::Iter<'b, Box<dyn Val + 'a>>,
    scope: &'b Scope<'b>,
}

impl<'b, 'a: 'v, 'v> ValIterator<'b, 'v> for Items<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.items
            .next()
            .filter(|_| self.scope.charge(0))
            .map(|item| &**item as &(dyn Val + 'v))
    }
}
