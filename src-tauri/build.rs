//! Generates what Tauri needs, and lists the commands that a window may be allowed to call.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(&["ready"]));
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    tauri_build::try_build(attributes)?;
    Ok(())
}
