//! Reads a component's bytes: valid, of the allowed features only, not nested too deep, with one manifest section.

use std::ops::Range;

use tombolo_manifest::{SBOM_SECTION, SECTION};
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentExternalKind, ComponentImport,
    ComponentType, ComponentTypeRef, CoreType, Encoding, FuncValidatorAllocations, Parser, Payload,
    TypeBounds, ValidPayload, Validator, WasmFeatures,
};

use super::PackageError;
use crate::limits::PACKAGE_DEPTH;

/// What a component may use: WebAssembly 2.0 without garbage-collected types, extended constants, and the component
/// model without its asynchronous half. No threads, no exceptions, no relaxed SIMD: nothing whose result depends on
/// the machine or whose cost is not bounded by the call's limits.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Imports or exports of one component; the contract has fewer than twenty.
const NAMES: usize = 256;

/// What the outermost component shows.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Bytes of the manifest section.
    pub(super) manifest: &'a [u8],
    /// Bytes of the section that says what it was built from.
    pub(super) sbom: Option<&'a [u8]>,
    /// Names, and whether each is an instance.
    pub(super) imports: Vec<(&'a str, bool)>,
    /// Names, and whether each is a function.
    pub(super) exports: Vec<(&'a str, bool)>,
}

/// Tells apart what people hand over by mistake, and refuses machine code.
pub(super) fn refuse_other_formats(bytes: &[u8]) -> Result<(), PackageError> {
    let build = "run `tombolo adapter build DIR` and use the file it writes";
    let said = match bytes {
        [] => format!("found an empty file, expected an adapter: {build}"),
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] | [0xcf, 0xfa, 0xed, 0xfe, ..] => format!(
            "found machine code (a precompiled `.cwasm` or a program), expected a WebAssembly component: machine code is not taken from outside; {build}"
        ),
        [0x1f, 0x8b, ..] | [b'P', b'K', ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "found a compressed file, expected a WebAssembly component: unpack it first".to_owned()
        }
        [b'(', ..] => format!("found WebAssembly as text, expected a component in binary form: {build}"),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            "found a core module, expected a component: this is a core module; run `tombolo adapter build`".to_owned()
        }
        [0, b'a', b's', b'm', ..] => return Ok(()),
        _ => format!("found a file that is not WebAssembly, expected an adapter: {build}"),
    };
    Err(PackageError(said))
}

/// Reads and validates everything, function bodies included.
pub(super) fn read(bytes: &[u8]) -> Result<Found<'_>, PackageError> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut outer = Outer::default();
    let mut bodies = Vec::new();
    for payload in parser.parse_all(bytes) {
        let payload = payload.map_err(malformed)?;
        outer.look(&payload, bytes)?;
        if let ValidPayload::Func(function, body) =
            validator.payload(&payload).map_err(malformed)?
        {
            bodies.push((function, body));
        }
    }
    let mut allocations = FuncValidatorAllocations::default();
    for (function, body) in bodies {
        let mut validator = function.into_validator(allocations);
        validator.validate(&body).map_err(malformed)?;
        allocations = validator.into_allocations();
    }
    outer.found()
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn malformed(error: wasmparser::BinaryReaderError) -> PackageError {
    PackageError(format!(
        "found a malformed component, or one that uses what adapters may not: {} (at byte {}): build it again with `tombolo adapter build`",
        error.message(),
        error.offset()
    ))
}

/// Watches the payloads go by; keeps what belongs to the outermost component.
#[derive(Default)]
struct Outer<'a> {
    /// Modules and components that are open; the outermost component is 1.
    depth: usize,
    manifest: Option<&'a [u8]>,
    sbom: Option<&'a [u8]>,
    imports: Vec<(&'a str, bool)>,
    exports: Vec<(&'a str, bool)>,
}

impl<'a> Outer<'a> {
    fn look(&mut self, payload: &Payload<'a>, bytes: &'a [u8]) -> Result<(), PackageError> {
        match payload {
            Payload::Version { encoding, .. } => self.open(*encoding)?,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == SECTION => {
                once(SECTION, self.depth, &mut self.manifest, section.data())?
            }
            Payload::CustomSection(section) if section.name() == SBOM_SECTION => {
                once(SBOM_SECTION, self.depth, &mut self.sbom, section.data())?
            }
            Payload::ComponentTypeSection(section) => check_type_depth(bytes, section.range())?,
            Payload::ComponentImportSection(section) if self.depth == 1 => {
                for import in section.clone() {
                    let import = import.map_err(malformed)?;
                    // The world's own names for types of its interfaces: no authority. A resource would be some.
                    if matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        continue;
                    }
                    self.imports.push((
                        import.name.name,
                        matches!(import.ty, ComponentTypeRef::Instance(_)),
                    ));
                }
            }
            Payload::ComponentExportSection(section) if self.depth == 1 => {
                for export in section.clone() {
                    let export = export.map_err(malformed)?;
                    self.exports
                        .push((export.name.name, export.kind == ComponentExternalKind::Func));
                }
            }
            _ => {}
        }
        if self.imports.len().max(self.exports.len()) > NAMES {
            return Err(PackageError(format!(
                "found more than {NAMES} imports or exports, expected those of the contract"
            )));
        }
        Ok(())
    }

    fn open(&mut self, encoding: Encoding) -> Result<(), PackageError> {
        if self.depth == 0 && encoding != Encoding::Component {
            return Err(PackageError(
                "found a core module, expected a component: run `tombolo adapter build`".into(),
            ));
        }
        self.depth += 1;
        if self.depth > PACKAGE_DEPTH {
            Err(too_deep())
        } else {
            Ok(())
        }
    }

    fn found(self) -> Result<Found<'a>, PackageError> {
        let manifest = self.manifest.ok_or_else(|| {
            PackageError(format!("found no section `{SECTION}`, expected the manifest in it: build with `tombolo adapter build`"))
        })?;
        Ok(Found {
            manifest,
            sbom: self.sbom,
            imports: self.imports,
            exports: self.exports,
        })
    }
}

/// Keeps a section of the outermost component, which has at most one of its name.
fn once<'a>(
    name: &str,
    depth: usize,
    kept: &mut Option<&'a [u8]>,
    data: &'a [u8],
) -> Result<(), PackageError> {
    if depth != 1 {
        return Err(PackageError(format!(
            "found a section `{name}` inside a nested module, expected it once, at the top: it is only what the whole adapter says"
        )));
    }
    if kept.replace(data).is_some() {
        return Err(PackageError(format!(
            "found two sections `{name}`, expected one: build the adapter again"
        )));
    }
    Ok(())
}

fn too_deep() -> PackageError {
    PackageError(format!(
        "found modules, components or types nested deeper than {PACKAGE_DEPTH}, expected at most that"
    ))
}

/// Refuses component and instance types that are nested too deep. The parser reads them by recursion without a bound,
/// so this walks over the same bytes with a list instead of the stack, before the parser does.
fn check_type_depth(bytes: &[u8], range: Range<usize>) -> Result<(), PackageError> {
    let section = bytes.get(range.clone()).unwrap_or_default();
    let mut reader = BinaryReader::new_features(section, range.start, FEATURES);
    // Declarations still to be read at each level; the section itself is a list of types.
    let mut open = vec![Level {
        left: reader.read_var_u32().map_err(malformed)?,
        is_section: true,
    }];
    while let Some(level) = open.last_mut() {
        let Some(left) = level.left.checked_sub(1) else {
            open.pop();
            continue;
        };
        level.left = left;
        if !level.is_section && !at_type(&mut reader)? {
            continue;
        }
        if matches!(
            reader.clone().read_u8().map_err(malformed)?,
            COMPONENT_TYPE | INSTANCE_TYPE
        ) {
            reader.read_u8().map_err(malformed)?;
            open.push(Level {
                left: reader.read_var_u32().map_err(malformed)?,
                is_section: false,
            });
            if open.len() > PACKAGE_DEPTH {
                return Err(too_deep());
            }
        } else {
            reader.read::<ComponentType<'_>>().map_err(malformed)?;
        }
    }
    Ok(())
}

const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;

struct Level {
    left: u32,
    is_section: bool,
}

/// Reads one declaration of a component or instance type, or, where it is a type, only its mark.
fn at_type(reader: &mut BinaryReader<'_>) -> Result<bool, PackageError> {
    let at = reader.original_position();
    match reader.read_u8().map_err(malformed)? {
        0x00 => reader.read::<CoreType<'_>>().map(drop),
        0x01 => return Ok(true),
        0x02 => reader.read::<ComponentAlias<'_>>().map(drop),
        0x03 => reader.read::<ComponentImport<'_>>().map(drop),
        0x04 => reader.read::<ComponentExternName<'_>>().and_then(|_| reader.read::<ComponentTypeRef>()).map(drop),
        other => {
            let said = format!("found the byte {other:#04x} at {at}, expected a declaration of a component type: build the adapter again");
            return Err(PackageError(said));
        }
    }
    .map_err(malformed)?;
    Ok(false)
}
