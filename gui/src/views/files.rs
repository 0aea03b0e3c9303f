//! What a file is, judged by the ending of its name, for its icon.

use egui_material_icons::MaterialIcon;
use egui_material_icons::icons::{
    ICON_CODE, ICON_DESCRIPTION, ICON_DRAFT, ICON_FOLDER, ICON_FOLDER_ZIP, ICON_IMAGE, ICON_MOVIE,
    ICON_MUSIC_NOTE, ICON_PICTURE_AS_PDF, ICON_TABLE_CHART,
};

/// The icon for a file or folder of this name.
pub(crate) fn icon_of(name: &str, folder: bool) -> MaterialIcon {
    if folder { ICON_FOLDER } else { icon(name) }
}

/// The icon for a file of this name.
pub(crate) fn icon(name: &str) -> MaterialIcon {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg" | "heic" | "tif" | "tiff" | "bmp" | "avif" => {
            ICON_IMAGE
        }
        "mkv" | "mp4" | "mov" | "avi" | "webm" | "m4v" => ICON_MOVIE,
        "mp3" | "flac" | "ogg" | "opus" | "wav" | "m4a" => ICON_MUSIC_NOTE,
        "zip" | "tar" | "gz" | "xz" | "zst" | "bz2" | "7z" | "rar" | "tgz" | "iso" | "img" => ICON_FOLDER_ZIP,
        "pdf" => ICON_PICTURE_AS_PDF,
        "csv" | "ods" | "xls" | "xlsx" => ICON_TABLE_CHART,
        "txt" | "md" | "doc" | "docx" | "odt" | "rtf" | "log" => ICON_DESCRIPTION,
        "rs" | "py" | "js" | "ts" | "c" | "h" | "cpp" | "go" | "java" | "sh" | "json" | "toml" | "html" => {
            ICON_CODE
        }
        _ => ICON_DRAFT,
    }
}
