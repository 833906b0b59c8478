//! A task of the host, asked and answered in the chat.

use serde_json::{Value, json};
use tombolo_tests::host::wait;

use super::Chat;
use crate::servers::synapse::Person;

const APPROVE: &str = "1\u{fe0f}\u{20e3}";

impl Chat {
    /// Begins a purchase and waits for its question: the run's event, and the question's.
    fn asks(&self, part: &str) -> (String, String) {
        let (event, _) = self.begin("buy", &json!({ "part": part }));
        let question = wait("the question", || {
            let asked = self.synapse.events(&self.mia, &self.room, "m.room.message");
            let is_it = |event: &&Value| {
                let body = event["content"]["body"].as_str().unwrap_or_default();
                body.starts_with(&format!("Buy {part}?"))
            };
            let asked = asked.iter().find(is_it)?["event_id"].as_str()?;
            Some(asked.to_owned())
        });
        (event, question)
    }

    fn replies(&self, person: &Person, to: &str, text: &str) -> String {
        let relation = json!({ "m.in_reply_to": { "event_id": to } });
        self.synapse.writes(person, &self.room, text, &relation)
    }

    /// What stands in the question's place now.
    fn shown(&self, question: &str) -> String {
        wait("the question is decided", || {
            let event = self.synapse.event(&self.mia, &self.room, question);
            let newest = &event["unsigned"]["m.relations"]["m.replace"]["content"];
            newest["m.new_content"]["body"].as_str().map(str::to_owned)
        })
    }

    fn heard(&self, text: &str) {
        wait(text, || {
            let said = self.said();
            said.iter()
                .any(|body| body.as_str().is_some_and(|body| body.contains(text)))
                .then_some(())
        });
    }
}

#[test]
fn a_question_is_answered_by_reaction_by_reply_and_in_its_thread() {
    let chat = Chat::start();
    let (run, question) = chat.asks("P-7");
    wait("both reactions", || {
        let set = chat.synapse.events(&chat.mia, &chat.room, "m.reaction");
        let keys: Vec<&Value> = set
            .iter()
            .map(|event| &event["content"]["m.relates_to"]["key"])
            .collect();
        (keys.len() == 2).then(|| assert_eq!(keys, ["\u{1f44e}", APPROVE]))
    });
    // Otto is no plant manager, and a heart is no option.
    chat.synapse
        .reacts(&chat.otto, &chat.room, &question, APPROVE);
    chat.heard("Otto Ast may not answer this");
    chat.synapse
        .reacts(&chat.mia, &chat.room, &question, "\u{2764}\u{fe0f}");
    let tapped = chat
        .synapse
        .reacts(&chat.mia, &chat.room, &question, "\u{1f44e}");
    let decided = chat.output(&run);
    assert_eq!(
        (&decided["answer"], &decided["by"]),
        (&json!("reject"), &json!("mia"))
    );
    assert_eq!(
        chat.shown(&question),
        format!("Buy P-7?\n\n{APPROVE} approve\n\u{1f44e} reject\n\nMia Kern: reject")
    );
    let answered = chat.received("question.answered", &tapped);
    assert_eq!(
        answered["data"]["by"],
        json!({ "id": chat.mia.id, "name": "mia" })
    );
    assert_eq!(
        chat.events("question.answered").len(),
        2,
        "Otto's and Mia's"
    );

    let (run, question) = chat.asks("P-8");
    let unclear = chat.replies(&chat.mia, &question, "approve the other one");
    let heard = chat.received("message.received", &unclear);
    assert_eq!(heard["data"]["reply_to"], question.as_str());
    let clear = chat.replies(&chat.mia, &question, "Approve! We have none left");
    assert_eq!(chat.output(&run)["answer"], "approve");
    let answered = chat.received("question.answered", &clear);
    assert_eq!(answered["data"]["comment"], "We have none left");

    // In the question's thread, as clients write there; the homeserver is new in between.
    let mut chat = chat;
    let (run, question) = chat.asks("P-9");
    chat.synapse.restart();
    let thread = json!({ "rel_type": "m.thread", "event_id": question, "is_falling_back": true, "m.in_reply_to": { "event_id": question } });
    chat.synapse.writes(&chat.mia, &chat.room, "2", &thread);
    assert_eq!(chat.output(&run)["answer"], "reject");
    assert!(chat.shown(&question).ends_with("Mia Kern: reject"));
}
