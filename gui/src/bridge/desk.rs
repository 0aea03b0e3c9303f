//! Errands at the desktop: dialogs, opening files. They can hang for as long as a service does, so
//! each is a task of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use landline_peer::api::{Failure, FailureKind};

use super::{Errand, Report};
use crate::state::{Choose, Settings};

/// Nobody closes a dialog as fast as a desktop answers that it has none.
const TOO_FAST_FOR_PEOPLE: Duration = Duration::from_millis(250);

/// Runs an errand that needs nothing but the desktop. `None`: there is nothing to tell.
pub(super) async fn run(errand: Errand, profile: PathBuf) -> Option<Report> {
    match errand {
        Errand::Choose(to, Choose::Files) => {
            let dialog = rfd::AsyncFileDialog::new().set_title("Send files");
            chosen(dialog.pick_files(), |files| {
                let paths = files.iter().map(|file| file.path().to_owned()).collect();
                Report::Chosen { to, paths }
            })
            .await
        }
        Errand::Choose(to, Choose::Folder) => {
            let dialog = rfd::AsyncFileDialog::new().set_title("Send a folder");
            chosen_one(dialog.pick_folder(), |path| Report::Chosen { to, paths: vec![path] }).await
        }
        Errand::ChooseSave { offer, folder: false, path } => {
            let saved = save_dialog(&path).save_file();
            chosen_one(saved, |path| Report::SaveChosen { offer, path }).await
        }
        Errand::ChooseSave { offer, folder: true, path } => {
            let name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
            let parent = save_dialog(&path).pick_folder();
            chosen_one(parent, |parent| Report::SaveChosen { offer, path: parent.join(name) }).await
        }
        Errand::ChooseDownloadFolder => {
            let dialog = rfd::AsyncFileDialog::new().set_title("Received files go to");
            chosen_one(dialog.pick_folder(), Report::DownloadFolderChosen).await
        }
        Errand::Open(path) => open(path).await,
        Errand::Save(settings) => save(settings, profile).await,
        Errand::Host { .. } => None,
    }
}

/// What was chosen; says so where this desktop has no dialogs.
async fn chosen<T>(
    dialog: impl Future<Output = Option<T>>,
    report: impl FnOnce(T) -> Report,
) -> Option<Report> {
    let asked = Instant::now();
    match dialog.await {
        Some(chosen) => Some(report(chosen)),
        None if asked.elapsed() < TOO_FAST_FOR_PEOPLE => {
            let text = "This desktop shows no file dialog to Landline. Type the path instead, or drop the file here.";
            Some(Report::Failed(Failure::new(FailureKind::Io, text)))
        }
        None => None,
    }
}

async fn chosen_one(
    dialog: impl Future<Output = Option<rfd::FileHandle>>,
    report: impl FnOnce(PathBuf) -> Report,
) -> Option<Report> {
    chosen(dialog, |file| report(file.path().to_owned())).await
}

fn save_dialog(begin: &Path) -> rfd::AsyncFileDialog {
    let mut dialog = rfd::AsyncFileDialog::new().set_title("Save as");
    if let Some(name) = begin.file_name() {
        dialog = dialog.set_file_name(name.to_string_lossy());
    }
    if let Some(folder) = begin.parent() {
        dialog = dialog.set_directory(folder);
    }
    dialog
}

async fn open(path: PathBuf) -> Option<Report> {
    let shown = path.display().to_string();
    let result = tokio::task::spawn_blocking(move || {
        std::fs::metadata(&path)?;
        open::that_detached(&path)
    })
    .await;
    let cause = match result {
        Ok(Ok(())) => return None,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("{shown} cannot be opened: it was moved or deleted, or nothing here opens such files.")
        }
        Ok(Err(error)) => {
            tracing::info!(%error, "opening a file");
            format!("Nothing on this computer is set up to open {shown}.")
        }
        Err(_) => format!("{shown} cannot be opened."),
    };
    Some(Report::Failed(Failure::new(FailureKind::Io, cause)))
}

async fn save(settings: Settings, profile: PathBuf) -> Option<Report> {
    let result = tokio::task::spawn_blocking(move || settings.save(&profile)).await;
    let error = result.ok()?.err()?;
    let text = format!("The window's settings could not be kept: {error}.");
    Some(Report::Failed(Failure::new(FailureKind::Io, text)))
}
