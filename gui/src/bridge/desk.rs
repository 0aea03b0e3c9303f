//! Errands at the desktop: dialogs, opening files. They can hang for as long as a service does, so
//! each is a task of its own.

use std::path::PathBuf;

use landline_peer::api::{Failure, FailureKind};

use super::{Errand, Report};
use crate::state::Settings;

/// Runs an errand that needs nothing but the desktop. `None`: there is nothing to tell.
pub(super) async fn run(errand: Errand, profile: PathBuf) -> Option<Report> {
    match errand {
        Errand::ChooseFile(to) => {
            let path = file("Send a file").await?;
            Some(Report::FileChosen { to, path })
        }
        Errand::ChooseSave(offer, path) => {
            let path = save_place(&path).await?;
            Some(Report::SaveChosen { offer, path })
        }
        Errand::ChooseDownloadFolder => {
            folder("Received files go to").await.map(Report::DownloadFolderChosen)
        }
        Errand::Open(path) => open(path).await,
        Errand::Save(settings) => save(settings, profile).await,
        Errand::Host { .. } => None,
    }
}

async fn file(title: &str) -> Option<PathBuf> {
    let chosen = rfd::AsyncFileDialog::new().set_title(title).pick_file().await?;
    Some(chosen.path().to_owned())
}

async fn save_place(begin: &std::path::Path) -> Option<PathBuf> {
    let mut dialog = rfd::AsyncFileDialog::new().set_title("Save as");
    if let Some(name) = begin.file_name() {
        dialog = dialog.set_file_name(name.to_string_lossy());
    }
    if let Some(folder) = begin.parent() {
        dialog = dialog.set_directory(folder);
    }
    Some(dialog.save_file().await?.path().to_owned())
}

async fn folder(title: &str) -> Option<PathBuf> {
    let chosen = rfd::AsyncFileDialog::new().set_title(title).pick_folder().await?;
    Some(chosen.path().to_owned())
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
        Ok(Err(error)) => format!("{shown} cannot be opened: {error}."),
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
