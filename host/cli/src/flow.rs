//! `tombolo flow show` and `tombolo flow test`: flows drawn and rehearsed offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use tombolo_flow::rehearsal::rehearse;
use tombolo_server::site::{self, FlowFiles};

use crate::out::{self, Table, Tone};
use crate::tree::{self, Node};
use crate::{check, text};

/// Look at flows and test them.
#[derive(Debug, Subcommand)]
pub(crate) enum FlowCommand {
    /// Draw a flow as a tree, or as a Mermaid flowchart
    Show(ShowArguments),
    /// Play the tests of flows (flows/*.test.yaml) without any system
    Test(TestArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArguments {
    /// The flow
    name: String,
    /// Folder of the site
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    site: PathBuf,
    /// Print a Mermaid flowchart
    #[arg(long)]
    mermaid: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TestArguments {
    /// Only the tests of this flow
    name: Option<String>,
    /// Folder of the site
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    site: PathBuf,
}

/// Carries out a flow command. Failed tests are exit code 1.
pub(crate) fn run(command: &FlowCommand) -> anyhow::Result<ExitCode> {
    match command {
        FlowCommand::Show(arguments) => show(arguments),
        FlowCommand::Test(arguments) => test(arguments),
    }
}

fn read(site: &Path) -> anyhow::Result<FlowFiles> {
    site::read_flows(site).map_err(|problems| check::not_in_order(site, &problems))
}

fn show(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let files = read(&arguments.site)?;
    let Some(flow) = files.flows.get(&arguments.name) else {
        let names: Vec<&str> = files.flows.flows().map(|flow| flow.name.as_str()).collect();
        anyhow::bail!(
            "there is no flow \"{}\" in {}; flows: {}",
            arguments.name,
            arguments.site.display(),
            names.join(", ")
        );
    };
    if arguments.mermaid {
        out::line(flow.mermaid().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let begins = text::harmless(&flow.begins_with());
    out::line(format!("{}  {begins}", out::tone(&flow.name, Tone::Strong)))?;
    let mut table = Table::bare();
    tree::add(
        &mut table,
        nested(&mut flow.outline().into_iter().peekable(), 0),
    );
    table.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Lines with their depth as a tree.
fn nested(
    lines: &mut std::iter::Peekable<std::vec::IntoIter<(usize, String)>>,
    depth: usize,
) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    while let Some((level, line)) = lines.next_if(|(level, _)| *level >= depth) {
        if level == depth || nodes.is_empty() {
            nodes.push(Node::leaf(line, []));
        }
        if let Some(last) = nodes.last_mut() {
            last.children = nested(lines, depth + 1);
        }
    }
    nodes
}

fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let files = read(&arguments.site)?;
    let wanted = |flow: &str| arguments.name.as_deref().is_none_or(|name| name == flow);
    let (mut passed, mut failed) = (0, 0);
    for (flow, file, tests) in files.tests.iter().filter(|(flow, _, _)| wanted(flow)) {
        for test in tests {
            let outcome = rehearse(&files.flows, flow, test);
            let sentence = text::harmless(&outcome.test);
            if outcome.differences.is_empty() {
                passed += 1;
                out::line(format!(
                    "{} {flow}: {sentence}",
                    out::tone("passed", Tone::Good)
                ))?;
                continue;
            }
            failed += 1;
            out::line(format!(
                "{} {flow}: {sentence} ({file}:{})",
                out::tone("failed", Tone::Bad),
                outcome.line
            ))?;
            for difference in &outcome.differences {
                out::line(format!("    {}", text::harmless_lines(difference)))?;
            }
        }
    }
    if passed + failed == 0 {
        let flow = arguments.name.as_deref().unwrap_or("NAME");
        anyhow::bail!(
            "found no tests in {}/flows; expected flows/{flow}.test.yaml",
            arguments.site.display()
        );
    }
    out::line(format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_depths_become_a_tree() {
        let lines = [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "e")];
        let lines: Vec<(usize, String)> =
            lines.map(|(level, line)| (level, line.to_owned())).into();
        let mut table = Table::bare();
        tree::add(&mut table, nested(&mut lines.into_iter().peekable(), 0));
        insta::assert_snapshot!(table.lines(false).join("\n"), @r"
        ├─ a
        │  ├─ b
        │  │  └─ c
        │  └─ d
        └─ e
        ");
    }
}
