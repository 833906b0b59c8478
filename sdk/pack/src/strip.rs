//! Leaves out custom sections: names, producers and whatever else tells of the machine that built it. An adapter's
//! bytes depend on its source and its compiler alone.

use crate::PackError;

const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const HEADER: usize = 8;

/// Copies a module or component without its custom sections, nested ones included, save those that `keep` wants by
/// name.
pub(crate) fn strip(bytes: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<Vec<u8>, PackError> {
    let header = bytes
        .get(..HEADER)
        .filter(|header| header.starts_with(b"\0asm"))
        .ok_or_else(cut_off)?;
    // Bytes 6 and 7 are the layer: 0 a core module, 1 a component.
    let is_component = header[6] == 1;
    let mut stripped = Vec::with_capacity(bytes.len());
    stripped.extend_from_slice(header);
    let mut rest = &bytes[HEADER..];
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = read_length(after)?;
        if length > after.len() {
            return Err(cut_off());
        }
        let (content, following) = after.split_at(length);
        rest = following;
        match *id {
            CUSTOM if !keep(section_name(content)?) => {}
            CORE_MODULE | COMPONENT if is_component => {
                write(*id, &strip(content, keep)?, &mut stripped)
            }
            _ => write(*id, content, &mut stripped),
        }
    }
    Ok(stripped)
}

fn write(id: u8, content: &[u8], to: &mut Vec<u8>) {
    to.push(id);
    let mut left = content.len();
    while left >= 0x80 {
        to.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
    to.extend_from_slice(content);
}

fn section_name(content: &[u8]) -> Result<&str, PackError> {
    let (length, after) = read_length(content)?;
    after
        .get(..length)
        .and_then(|name| std::str::from_utf8(name).ok())
        .ok_or_else(cut_off)
}

/// A LEB128 number of at most 32 bits and what follows it.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), PackError> {
    let mut value = 0usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[index + 1..]));
        }
    }
    Err(cut_off())
}

fn cut_off() -> PackError {
    PackError::Component("found a WebAssembly file that is cut off or malformed, expected what the compiler wrote: build again".into())
}
