//! The compiling child by itself, for programs that embed the kernel and for its tests.

fn main() -> std::process::ExitCode {
    u8::try_from(tombolo_kernel::sandbox::compile_child_main())
        .unwrap_or(u8::MAX)
        .into()
}
