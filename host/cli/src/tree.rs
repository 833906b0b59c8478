//! A tree in an aligned table: branches in the first column, then whatever each node says of itself.

use crate::out::{Cell, Table, Tone};

/// One line of a tree and what hangs below it.
#[derive(Debug)]
pub(crate) struct Node {
    /// What stands at the branch.
    pub(crate) label: String,
    /// The other columns.
    pub(crate) cells: Vec<Cell>,
    /// Below it.
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// A node without children.
    pub(crate) fn leaf(label: impl Into<String>, cells: impl IntoIterator<Item = Cell>) -> Self {
        Self {
            label: label.into(),
            cells: cells.into_iter().collect(),
            children: Vec::new(),
        }
    }
}

/// Adds the nodes below a root that is not shown.
pub(crate) fn add(table: &mut Table, nodes: Vec<Node>) {
    add_below(table, nodes, "");
}

fn add_below(table: &mut Table, nodes: Vec<Node>, trunk: &str) {
    let last = nodes.len().saturating_sub(1);
    for (index, node) in nodes.into_iter().enumerate() {
        let (branch, below) = if index == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let label = Cell::new(format!("{trunk}{branch}{}", node.label), Tone::Plain);
        table.row(std::iter::once(label).chain(node.cells));
        add_below(table, node.children, &format!("{trunk}{below}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_show_what_belongs_to_what() {
        let mut stock = Node::leaf("stock", [Cell::from("done")]);
        stock.children = vec![Node::leaf("sql db", [Cell::from("ok")])];
        let mut table = Table::bare();
        add(
            &mut table,
            vec![stock, Node::leaf("ask", [Cell::from("waits")])],
        );
        assert_eq!(
            table.lines(false),
            [
                "├─ stock      done",
                "│  └─ sql db  ok",
                "└─ ask        waits"
            ]
        );
    }
}
