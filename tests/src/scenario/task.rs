//! The task that is open.

use serde_json::json;

use super::Running;

impl Running {
    fn open_task(&self) -> String {
        self.host().wait_for("an open task", |host| {
            let tasks = host.get("/api/tasks?open=true");
            tasks.as_array()?.first()?["id"].as_str().map(str::to_owned)
        })
    }

    /// The text with the id of the open task in it, where it asks for that.
    pub(super) fn with_task(&self, text: String) -> String {
        if text.contains("{{task}}") {
            text.replace("{{task}}", &self.open_task())
        } else {
            text
        }
    }

    pub(super) fn answer(&self, answer: &str, by: &str) {
        let task = self.open_task();
        let response = self.host().post(
            &format!("/api/tasks/{task}/answer"),
            &json!({"answer": answer, "by": by, "comment": ""}),
        );
        assert_eq!(response.status, 200, "{}", response.body);
    }
}
