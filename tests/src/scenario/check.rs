//! What a scenario looks at: servers, databases, the API, the command line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Running;
use crate::host::wait;
use crate::server::Reply;

impl Running {
    pub(super) fn received(
        &self,
        server: &str,
        count: usize,
        target: Option<&str>,
        body: Option<&Value>,
        headers: &BTreeMap<String, String>,
    ) {
        let server = &self.servers[server];
        let got = wait("requests at the server", || {
            Some(server.received()).filter(|got| got.len() >= count)
        });
        assert_eq!(got.len(), count, "{got:#?}");
        let Some(last) = got.last() else { return };
        if let Some(target) = target {
            assert_eq!(last.target, target);
        }
        if let Some(body) = body {
            assert_eq!(&last.json(), body);
        }
        for (name, value) in headers {
            assert_eq!(last.header(name), Some(&**value), "header {name}");
        }
    }

    pub(super) fn always(&self, server: &str, status: Option<u16>, body: Option<&Value>) {
        let body = body.map_or("{}".to_owned(), Value::to_string);
        self.servers[server].always(status.map(|status| Reply::json(status, &body)));
    }

    pub(super) fn rows(&self, database: &str, query: &str) -> Vec<Vec<Value>> {
        let connection = rusqlite::Connection::open(self.site.path().join(database)).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, index| match row
            .get::<_, rusqlite::types::Value>(index)
            .unwrap()
        {
            rusqlite::types::Value::Null => Value::Null,
            rusqlite::types::Value::Integer(number) => json!(number),
            rusqlite::types::Value::Real(number) => json!(number),
            rusqlite::types::Value::Text(text) => json!(text),
            rusqlite::types::Value::Blob(bytes) => json!(hex::encode(bytes)),
        };
        statement
            .query_map([], |row| {
                Ok((0..columns).map(|index| cell(row, index)).collect())
            })
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    pub(super) fn system(&self, name: &str, says: &BTreeMap<String, Value>) {
        self.host()
            .wait_for(&format!("{name} says {says:?}"), |host| {
                let systems = host.get("/api/systems");
                let found = systems
                    .as_array()?
                    .iter()
                    .find(|it| it["system"] == *name)?;
                says.iter()
                    .all(|(pointer, value)| found.pointer(pointer).unwrap_or(&Value::Null) == value)
                    .then_some(())
            });
    }

    fn filled(&self, run: &[String]) -> Vec<String> {
        let site = self.site.path().to_str().unwrap();
        run.iter().map(|it| it.replace("{{site}}", site)).collect()
    }

    pub(super) fn tool(&self, run: &[String], says: &[String], code: i32) {
        let filled = self.filled(run);
        let arguments: Vec<&str> = filled.iter().map(String::as_str).collect();
        said(run, says, code, crate::built::run(&arguments, &[]));
    }

    pub(super) fn tombolo(&self, run: &[String]) -> (i32, String, String) {
        let address = self.host().address.to_string();
        let run = self.filled(run);
        let mut arguments: Vec<&str> = run.iter().map(String::as_str).collect();
        arguments.extend(["--address", &address]);
        self.site.tombolo(&arguments)
    }

    pub(super) fn command(&self, run: &[String], says: &[String], code: i32) {
        said(run, says, code, self.tombolo(run));
    }

    pub(super) fn wait_command(&self, run: &[String], says: &[String]) {
        wait(&format!("{run:?} says {says:?}"), || {
            let (_, out, _) = self.tombolo(run);
            says.iter().all(|text| out.contains(text)).then_some(())
        });
    }

    pub(super) fn same_header(&self, server: &str, body: &Value, name: &str) {
        let got = self.servers[server].received();
        let values: Vec<_> = got
            .iter()
            .filter(|received| received.json() == *body)
            .map(|received| received.header(name))
            .collect();
        let same = values
            .iter()
            .all(|value| value == &values[0] && value.is_some());
        assert!(values.len() > 1 && same, "{values:?}");
    }

    pub(super) fn order(&self, server: &str, target: &str, field: &str, are: &[Value]) {
        let got = self.servers[server].received().into_iter();
        let fields: Vec<Value> = got
            .filter(|received| received.target == target && received.answered == 200)
            .map(|received| received.json()[field].clone())
            .collect();
        assert_eq!(fields, are);
    }
}

fn said(run: &[String], says: &[String], code: i32, (found, out, err): (i32, String, String)) {
    assert_eq!(found, code, "{run:?}:\n{out}{err}");
    for text in says {
        assert!(
            out.contains(text) || err.contains(text),
            "{run:?} does not say {text:?}:\n{out}{err}"
        );
    }
}
