//! The `limits` of a system: never wider than what the adapter asks for, or the host gives where it does not ask.

use std::time::Duration;

use tombolo_flow::yaml::Node;
use tombolo_kernel::limits;
use tombolo_kernel::system::SystemLimits;
use tombolo_manifest::{Limits, parse_duration, parse_size};

use super::fields::{self, Fields, Problems};

/// What the manifest asks for, or the host's defaults; never over the host's bounds.
pub(crate) fn of_manifest(asked: &Limits) -> SystemLimits {
    let host = SystemLimits::default();
    let size = |text: &Option<String>| text.as_deref().and_then(|text| parse_size(text).ok());
    let time = |text: &Option<String>| text.as_deref().and_then(|text| parse_duration(text).ok());
    SystemLimits {
        memory: size(&asked.memory)
            .unwrap_or(host.memory)
            .min(limits::MEMORY_MOST),
        cpu: time(&asked.cpu).unwrap_or(host.cpu),
        deadline: time(&asked.deadline).unwrap_or(host.deadline),
        instances: host.instances,
    }
}

/// `allowed`, narrowed by what the system file says.
pub(crate) fn narrowed(
    node: &Node,
    allowed: SystemLimits,
    problems: &mut Problems,
) -> SystemLimits {
    let Some(fields) = Fields::known(
        node,
        "limits",
        &["memory", "cpu", "deadline", "instances"],
        problems,
    ) else {
        return allowed;
    };
    let time = |name: &str, most: Duration, problems: &mut Problems| {
        fields
            .get(name)
            .and_then(|node| fields::duration(node, name, most, problems))
            .unwrap_or(most)
    };
    SystemLimits {
        memory: fields
            .get("memory")
            .and_then(|node| fields::size(node, "memory", allowed.memory, problems))
            .unwrap_or(allowed.memory),
        cpu: time("cpu", allowed.cpu, problems),
        deadline: time("deadline", allowed.deadline, problems),
        instances: fields
            .get("instances")
            .and_then(|node| {
                fields::whole(node, "instances", 1..=allowed.instances as u64, problems)
            })
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(allowed.instances),
    }
}
