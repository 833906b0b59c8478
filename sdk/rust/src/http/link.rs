//! The `Link` header (RFC 8288), of which an adapter can follow the query alone: the path stays its own, and the host
//! is the operator's.

use super::Response;
use crate::form;

impl Response {
    /// The query of the link with `rel="next"`, decoded; `None` if there is no such link or it has no query that can be read.
    #[must_use]
    pub fn next_link_query(&self) -> Option<Vec<(String, String)>> {
        let links = self
            .headers
            .iter()
            .filter(|(name, _)| name == "link")
            .map(|(_, value)| value.as_str());
        let target = links.into_iter().find_map(next_target)?;
        let (_, query) = target.split('#').next()?.split_once('?')?;
        form::parse(query)
    }
}

/// The address in `<...>; rel="next"`.
fn next_target(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let (parameters, next) = after.split_at(end);
        if is_next(parameters) {
            return Some(target);
        }
        rest = next;
    }
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else {
            return false;
        };
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .split(' ')
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Query = Option<&'static [(&'static str, &'static str)]>;

    #[test]
    fn the_next_links_query_is_found_wherever_it_stands() {
        let cases: [(&str, Query); 7] = [
            (
                "<https://api.example/items?page=2&q=a%20b+c>; rel=\"next\"",
                Some(&[("page", "2"), ("q", "a b c")]),
            ),
            (
                "</items?page=1>; rel=prev, </items?page=3>; rel=next",
                Some(&[("page", "3")]),
            ),
            (
                "</a?x=1,2>; title=\"a\"; rel=\"last next\"",
                Some(&[("x", "1,2")]),
            ),
            ("</items?page=1>; rel=\"last\"", None),
            ("</items>; rel=\"next\"", None),
            ("items?page=2; rel=next", None),
            ("", None),
        ];
        for (header, expected) in cases {
            let response = Response {
                status: 200,
                headers: vec![("link".into(), header.into())],
                body: Vec::new(),
            };
            let expected = expected.map(|pairs| {
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect()
            });
            assert_eq!(response.next_link_query(), expected, "{header}");
        }
    }
}
