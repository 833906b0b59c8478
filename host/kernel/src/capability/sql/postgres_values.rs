//! PostgreSQL's binary values as JSON. The forms are those of the `typsend` functions in its source.

use sqlx::TypeInfo as _;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};

use super::calendar;
use super::rows::ValueWriter;

/// Writes one value that is not null; the error is the type's name.
pub(super) fn write(out: ValueWriter<'_>, info: &PgTypeInfo, bytes: &[u8]) -> Result<(), String> {
    let unknown = || info.name().to_owned();
    match info.kind() {
        PgTypeKind::Array(element) => {
            return Array::read(bytes)
                .and_then(|mut array| array.write(out, element, 0))
                .ok_or_else(unknown);
        }
        PgTypeKind::Domain(base) => return write(out, base, bytes),
        PgTypeKind::Enum(_) => return text(out, bytes).ok_or_else(unknown),
        _ => {}
    }
    scalar(out, info.oid().map_or(0, |oid| oid.0), info.name(), bytes).ok_or_else(unknown)
}

fn scalar(out: ValueWriter<'_>, oid: u32, name: &str, bytes: &[u8]) -> Option<()> {
    // Numbers of `pg_type.dat`, which PostgreSQL keeps.
    match oid {
        16 => out.boolean(*bytes.first()? != 0),
        21 => out.integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        23 => out.integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        20 => out.integer(long(bytes)?),
        26 => out.integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        700 => out.single(f32::from_be_bytes(bytes.try_into().ok()?)),
        701 => out.double(f64::from_be_bytes(bytes.try_into().ok()?)),
        1700 => out.text(&numeric(bytes)?),
        790 => out.text(&money(long(bytes)?)),
        18 | 19 | 25 | 142 | 705 | 1042 | 1043 => text(out, bytes)?,
        17 => out.bytes(bytes),
        114 => out.json(std::str::from_utf8(bytes).ok()?),
        3802 => out.json(std::str::from_utf8(bytes.strip_prefix(&[1])?).ok()?),
        2950 => out.text(&uuid(bytes)?),
        1082 => out.text(&or_infinite(
            i32::from_be_bytes(bytes.try_into().ok()?).into(),
            i32::MIN.into(),
            i32::MAX.into(),
            calendar::day,
        )?),
        1083 => out.text(&calendar::clock(long(bytes)?)),
        1266 => {
            let (micros, zone) = bytes.split_first_chunk::<8>()?;
            let west = i32::from_be_bytes(zone.try_into().ok()?);
            out.text(&format!(
                "{}{}",
                calendar::clock(i64::from_be_bytes(*micros)),
                calendar::offset(-west)
            ));
        }
        1114 => out.text(&or_infinite(
            long(bytes)?,
            i64::MIN,
            i64::MAX,
            calendar::stamp,
        )?),
        1184 => out.text(&or_infinite(long(bytes)?, i64::MIN, i64::MAX, |micros| {
            calendar::stamp(micros).map(|stamp| stamp + "Z")
        })?),
        1186 => {
            let (micros, rest) = bytes.split_first_chunk::<8>()?;
            let (days, months) = rest.split_first_chunk::<4>()?;
            let months = i32::from_be_bytes(months.try_into().ok()?);
            out.text(&calendar::interval(
                months,
                i32::from_be_bytes(*days),
                i64::from_be_bytes(*micros),
            ));
        }
        650 | 869 => out.text(&network(bytes)?),
        2278 => out.null(),
        _ if name.eq_ignore_ascii_case("citext") => text(out, bytes)?,
        _ => return None,
    }
    Some(())
}

fn text(out: ValueWriter<'_>, bytes: &[u8]) -> Option<()> {
    out.text(std::str::from_utf8(bytes).ok()?);
    Some(())
}

fn long(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.try_into().ok()?))
}

fn or_infinite(
    value: i64,
    least: i64,
    most: i64,
    form: impl Fn(i64) -> Option<String>,
) -> Option<String> {
    match value {
        value if value == least => Some("-infinity".into()),
        value if value == most => Some("infinity".into()),
        value => form(value),
    }
}

/// Groups of four decimal digits: count, place of the first, sign, digits after the point, then the groups.
fn numeric(bytes: &[u8]) -> Option<String> {
    let mut words = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    match sign.cast_unsigned() {
        0xc000 => return Some("NaN".into()),
        0xd000 => return Some("Infinity".into()),
        0xf000 => return Some("-Infinity".into()),
        _ => {}
    }
    let groups: Vec<i16> = words.collect();
    if groups.len() != usize::try_from(count).ok()? {
        return None;
    }
    let group = |place: i16| {
        usize::try_from(weight.checked_sub(place)?)
            .ok()
            .and_then(|index| groups.get(index))
            .copied()
    };
    let mut out = if sign.cast_unsigned() == 0x4000 {
        "-".to_owned()
    } else {
        String::new()
    };
    let start = out.len();
    for place in (0..=weight.max(0)).rev() {
        out.push_str(&format!("{:04}", group(place).unwrap_or(0)));
    }
    let zeros = out[start..]
        .bytes()
        .take_while(|byte| *byte == b'0')
        .count()
        .min(out.len() - start - 1);
    out.drain(start..start + zeros);
    let scale = usize::try_from(scale).ok()?;
    if scale > 0 {
        out.push('.');
        let point = out.len();
        let mut place = -1;
        while out.len() < point + scale {
            out.push_str(&format!("{:04}", group(place).unwrap_or(0)));
            place -= 1;
        }
        out.truncate(point + scale);
    }
    Some(out)
}

/// Hundredths, as in nearly every locale.
fn money(hundredths: i64) -> String {
    let (sign, size) = (
        if hundredths < 0 { "-" } else { "" },
        hundredths.unsigned_abs(),
    );
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let digits = hex::encode(bytes);
    let part = |range: std::ops::Range<usize>| digits.get(range);
    Some(
        [
            part(0..8)?,
            part(8..12)?,
            part(12..16)?,
            part(16..20)?,
            part(20..32)?,
        ]
        .join("-"),
    )
}

/// Family, bits, whether it is a network, length, address.
fn network(bytes: &[u8]) -> Option<String> {
    let [_, bits, is_network, _, address @ ..] = bytes else {
        return None;
    };
    let (address, most): (std::net::IpAddr, u8) = match address.len() {
        4 => (<[u8; 4]>::try_from(address).ok()?.into(), 32),
        _ => (<[u8; 16]>::try_from(address).ok()?.into(), 128),
    };
    Some(if *is_network == 0 && *bits == most {
        address.to_string()
    } else {
        format!("{address}/{bits}")
    })
}

/// Dimensions, then elements with their lengths.
struct Array<'a> {
    sizes: Vec<usize>,
    rest: &'a [u8],
}

impl<'a> Array<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut array = Self {
            sizes: Vec::new(),
            rest: bytes,
        };
        let dimensions = array.word()?;
        array.word()?;
        array.word()?;
        for _ in 0..dimensions {
            let size = usize::try_from(array.word()?).ok()?;
            array.word()?;
            array.sizes.push(size);
        }
        Some(array)
    }

    fn word(&mut self) -> Option<i32> {
        let (word, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(i32::from_be_bytes(*word))
    }

    fn write(&mut self, out: ValueWriter<'_>, element: &PgTypeInfo, depth: usize) -> Option<()> {
        let size = self.sizes.get(depth).copied().unwrap_or(0);
        out.array(size, |out| {
            if depth + 1 < self.sizes.len() {
                return self.write(out, element, depth + 1).ok_or(());
            }
            let length = self.word().ok_or(())?;
            let Ok(length) = usize::try_from(length) else {
                out.null();
                return Ok(());
            };
            let (bytes, rest) = self.rest.split_at_checked(length).ok_or(())?;
            self.rest = rest;
            write(out, element, bytes).map_err(|_| ())
        })
        .ok()
    }
}
