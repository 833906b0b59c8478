//! Records on their way to collectors: a real rsyslog, and listeners of the test's own that speak OTLP and UDP.

use serde_json::Value;
use tombolo_tests::broker::free_port;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::syslog::Rsyslog;

use crate::fixture::{Audited, SECRET, audited_with};

/// Everything that is kept, by number.
fn kept(audited: &Audited) -> Vec<(i64, Value)> {
    let (code, out) = audited.offline(&["export"]);
    assert_eq!(code, 0, "{out}");
    let lines = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| (line["number"].as_i64().unwrap(), line["record"].clone()))
        .collect()
}

/// What arrived, in order, without what came twice.
fn distinct(arrived: Vec<(i64, Value)>) -> Vec<(i64, Value)> {
    let mut distinct: Vec<(i64, Value)> = Vec::new();
    for (number, record) in arrived {
        if distinct.last().is_none_or(|(last, _)| *last < number) {
            distinct.push((number, record));
        }
    }
    distinct
}

fn in_rsyslog(rsyslog: &Rsyslog) -> Vec<(i64, Value)> {
    let messages = rsyslog.messages();
    // The newest line may be half written.
    let whole = messages.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| {
        let number = line
            .split("number=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let (_, text) = line.split_once("]|").unwrap();
        (
            number.parse().unwrap(),
            serde_json::from_str(text.trim()).unwrap(),
        )
    };
    whole.lines().map(read).collect()
}

#[test]
fn a_syslog_server_that_was_down_gets_every_record_in_order() {
    let port = free_port();
    let mut rsyslog = Rsyslog::stopped(port);
    let audited = audited_with(&format!(
        "audit: {{ export: {{ syslog: \"tcp://127.0.0.1:{port}\" }} }}\n"
    ));
    audited.runs("a", "/orders/1");
    audited.runs("b", "/admin");
    rsyslog.start();
    wait("all records arrive", || {
        let arrived = distinct(in_rsyslog(&rsyslog));
        (arrived.len() > 4 && arrived == kept(&audited)).then_some(())
    });
    rsyslog.stop();
    let run = audited.runs("c", "/orders/3");
    wait("the run's call is kept", || {
        audited.list(&["--run", &run]).pop()
    });
    rsyslog.start();
    wait("what came meanwhile arrives", || {
        (distinct(in_rsyslog(&rsyslog)) == kept(&audited)).then_some(())
    });
    let messages = rsyslog.messages();
    let denied = messages
        .lines()
        .find(|line| line.contains("/admin"))
        .unwrap();
    assert!(denied.starts_with("108|20"), "log audit, warning: {denied}");
    assert!(
        denied.contains("|tombolo|http|[tombolo@32473 site=\""),
        "{denied}"
    );
    assert!(
        denied.contains("outcome=\"denied\"") && denied.contains("system=\"shop\""),
        "{denied}"
    );
    assert!(!messages.contains(SECRET));
}

/// What an OTLP collector took.
fn taken(collector: &RecordingServer) -> Vec<(i64, Value)> {
    let mut taken = Vec::new();
    for request in collector.received() {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/v1/logs")
        );
        if request.answered != 200 {
            continue;
        }
        let logs = &request.json()["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for log in logs.as_array().unwrap() {
            let number = log["attributes"]
                .as_array()
                .unwrap()
                .iter()
                .find(|attribute| attribute["key"] == "tombolo.number")
                .unwrap()["value"]["intValue"]
                .as_str()
                .unwrap();
            let body = log["body"]["stringValue"].as_str().unwrap();
            taken.push((number.parse().unwrap(), serde_json::from_str(body).unwrap()));
        }
    }
    taken
}

#[test]
fn an_otlp_collector_that_refuses_stops_nothing_and_a_restart_goes_on_where_it_was() {
    let collector = RecordingServer::start();
    collector.always(Some(Reply::json(503, "{}")));
    let settings = format!(
        "audit: {{ export: {{ otlp: \"http://{}\" }} }}\n",
        collector.address
    );
    let audited = audited_with(&settings);
    wait("it is refused", || collector.received().first().map(|_| ()));
    audited.runs("a", "/orders/1");
    assert_eq!(taken(&collector), []);
    collector.always(None);
    wait("all records arrive", || {
        let kept = kept(&audited);
        (distinct(taken(&collector)) == kept && kept.len() > 3).then_some(())
    });
    let file = audited.site.path().join("data/tombolo.db");
    let before = wait("where it is is kept", || {
        let file = rusqlite::Connection::open(&file).unwrap();
        let query = "SELECT value FROM site WHERE key = 'audit_exported otlp'";
        let position: i64 = file.query_row(query, [], |row| row.get(0)).ok()?;
        (position == kept(&audited).last().unwrap().0).then_some(position)
    });
    let Audited { site, host, server } = audited;
    host.kill();
    let requests = collector.received().len();
    let host = TestHost::start(&site, &[("SHOP_TOKEN", SECRET)]);
    let audited = Audited { site, host, server };
    wait("the start arrives", || {
        (distinct(taken(&collector)) == kept(&audited)).then_some(())
    });
    let newer = collector.received()[requests..][0].json().to_string();
    assert!(
        newer.contains(&format!("\"intValue\":\"{}\"", before + 1)),
        "{newer}"
    );
    assert!(
        !newer.contains(&format!("\"intValue\":\"{before}\"")),
        "{newer}"
    );
}

#[test]
fn a_reload_begins_and_ends_an_export() {
    let audited = audited_with("");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = socket.local_addr().unwrap();
    let file = audited.site.path().join("tombolo.yaml");
    let yaml = std::fs::read_to_string(&file).unwrap();
    let wrong = format!("{yaml}audit: {{ export: {{ syslog: \"http://{place}\" }} }}\n");
    std::fs::write(&file, wrong).unwrap();
    let failed = wait("a reload that fails", || {
        audited
            .list(&["--kind", "reload"])
            .into_iter()
            .find(|reload| reload["outcome"] == "failed")
    });
    assert!(
        failed["status"].as_str().unwrap().starts_with("1 problems"),
        "{failed}"
    );
    std::fs::write(
        &file,
        format!("{yaml}audit: {{ export: {{ syslog: \"udp://{place}\" }} }}\n"),
    )
    .unwrap();
    let mut datagram = vec![0; 1 << 16];
    let (length, _) = socket.recv_from(&mut datagram).unwrap();
    let message = String::from_utf8(datagram[..length].to_vec()).unwrap();
    let (first, record) = &kept(&audited)[0];
    assert!(
        message.contains(&format!("number=\"{first}\"")),
        "{message}"
    );
    let (_, text) = message.split_once("] {").unwrap();
    assert_eq!(
        &serde_json::from_str::<Value>(&format!("{{{text}")).unwrap(),
        record
    );
}
