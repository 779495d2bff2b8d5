//! `keyhop wireshark install`: puts the Lua plugin and the profile of `captures/wireshark` into the folders where Wireshark looks
//! for them.
//!
//! All files are put in place together, or none. The plugin is replaced whatever is there: nobody but this command writes it. A
//! file of the profile is replaced only while it is as this command left it, for Wireshark writes into its profiles what its user
//! changes: the record `keyhop-installed` in the profile has the digest of every file as it was written.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::Status;
use crate::capture::placement::{PendingOutputs, PlacementError};

/// Name of the profile.
const PROFILE: &str = "keyhop";
/// The file of the profile that tells how the others were written: lines of `SHA-256 in hex, two spaces, file name`.
const RECORD: &str = "keyhop-installed";

/// The plugin: path below the folder of plugins, content.
const PLUGIN: [(&str, &str); 10] = [
    ("keyhop.lua", include_str!("../../captures/wireshark/keyhop.lua")),
    ("keyhop/asn.lua", include_str!("../../captures/wireshark/keyhop/asn.lua")),
    ("keyhop/fields.lua", include_str!("../../captures/wireshark/keyhop/fields.lua")),
    ("keyhop/mac_pdu.lua", include_str!("../../captures/wireshark/keyhop/mac_pdu.lua")),
    ("keyhop/message.lua", include_str!("../../captures/wireshark/keyhop/message.lua")),
    ("keyhop/mobility.lua", include_str!("../../captures/wireshark/keyhop/mobility.lua")),
    ("keyhop/names.lua", include_str!("../../captures/wireshark/keyhop/names.lua")),
    ("keyhop/reader.lua", include_str!("../../captures/wireshark/keyhop/reader.lua")),
    ("keyhop/tlv.lua", include_str!("../../captures/wireshark/keyhop/tlv.lua")),
    ("keyhop/verdict.lua", include_str!("../../captures/wireshark/keyhop/verdict.lua")),
];

/// The profile: file name, content.
const PROFILE_FILES: [(&str, &str); 3] = [
    ("colorfilters", include_str!("../../captures/wireshark/profile/keyhop/colorfilters")),
    ("dfilter_buttons", include_str!("../../captures/wireshark/profile/keyhop/dfilter_buttons")),
    ("preferences", include_str!("../../captures/wireshark/profile/keyhop/preferences")),
];

/// `keyhop wireshark`.
#[derive(Subcommand, Clone, Debug)]
pub enum WiresharkCommand {
    /// Puts the Lua plugin and the profile "keyhop" into Wireshark's personal folders
    Install(InstallArguments),
}

/// Arguments of `keyhop wireshark install`.
#[derive(Args, Clone, Debug)]
pub struct InstallArguments {
    /// Put `plugins/` and `profiles/` into this folder, and not where Wireshark looks for them
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Replace files of the profile, too, that were changed since they were installed
    #[arg(long)]
    pub replace: bool,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("{variable} is not set, so Wireshark's folders are not known: give one with --folder")]
    NoHome { variable: &'static str },
    #[error("{}: {source}", .path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

/// Where Wireshark looks for what its user adds.
#[derive(Debug, PartialEq, Eq)]
struct Folders {
    plugins: PathBuf,
    profiles: PathBuf,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New,
    Replaced,
    Unchanged,
    KeptAsChanged,
}

impl Fate {
    const fn in_words(self) -> &'static str {
        match self {
            Self::New => "written",
            Self::Replaced => "replaced",
            Self::Unchanged => "is there already",
            Self::KeptAsChanged => "kept: it was changed since it was installed (--replace overwrites it)",
        }
    }
}

/// Runs `keyhop wireshark`. What was written, and how to use it, goes to `messages`. [`Status::BadInput`] if nothing could be
/// installed; nothing is in place then.
pub fn run(command: &WiresharkCommand, messages: &mut dyn Write) -> Status {
    let WiresharkCommand::Install(arguments) = command;
    // There is nobody to tell if messages cannot be printed.
    match install(arguments) {
        Ok((folders, fates)) => {
            for (path, fate) in fates {
                let _ = writeln!(messages, "{}: {}", path.display(), fate.in_words());
            }
            let _ = write!(messages, "{}", how_to_use(&folders, arguments.folder.is_some()));
            Status::Success
        }
        Err(error) => {
            let _ = writeln!(messages, "error: {error}");
            Status::BadInput
        }
    }
}

fn install(arguments: &InstallArguments) -> Result<(Folders, Vec<(PathBuf, Fate)>), InstallError> {
    let folders = match &arguments.folder {
        Some(folder) => Folders { plugins: folder.join("plugins"), profiles: folder.join("profiles") },
        None => personal_folders(|name| std::env::var_os(name).filter(|value| !value.is_empty()), cfg!(windows))?,
    };
    let profile = folders.profiles.join(PROFILE);
    let record_path = profile.join(RECORD);
    let record = read(&record_path)?.unwrap_or_default();
    let record = String::from_utf8_lossy(&record);

    let mut wanted: Vec<(PathBuf, &str, bool)> = Vec::new();
    wanted.extend(PLUGIN.map(|(path, content)| (folders.plugins.join(path), content, true)));
    let mut new_record = String::new();
    for (name, content) in PROFILE_FILES {
        let path = profile.join(name);
        let ours = match read(&path)? {
            Some(found) => arguments.replace || found == content.as_bytes() || record.contains(&line(&found, name)),
            None => true,
        };
        wanted.push((path, content, ours));
        // What is kept stays recorded as it was, that is as changed.
        new_record.push_str(&line(content.as_bytes(), name));
    }

    let mut outputs = PendingOutputs::new();
    let mut fates = Vec::new();
    for (path, content, ours) in wanted {
        let fate = match read(&path)? {
            Some(found) if found == content.as_bytes() => Fate::Unchanged,
            Some(_) if !ours => Fate::KeptAsChanged,
            Some(_) => Fate::Replaced,
            None => Fate::New,
        };
        if matches!(fate, Fate::New | Fate::Replaced) {
            stage(&mut outputs, &path, content)?;
        }
        fates.push((path, fate));
    }
    if record != new_record {
        stage(&mut outputs, &record_path, &new_record)?;
    }
    outputs.commit()?;
    Ok((folders, fates))
}

fn stage(outputs: &mut PendingOutputs, path: &Path, content: &str) -> Result<(), InstallError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| InstallError::Folder { path: folder.to_owned(), source })?;
    }
    Ok(outputs.stage(path, |out| out.write_all(content.as_bytes()))?)
}

/// The file's content; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, InstallError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(InstallError::Folder { path: path.to_owned(), source }),
    }
}

/// The line of the record for a file of this content.
fn line(content: &[u8], name: &str) -> String {
    let digest: String = Sha256::digest(content).iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{digest}  {name}\n")
}

/// Wireshark's personal folders, as its User's Guide has them (appendix "Files and Folders"). On Windows both are in
/// `%APPDATA%\Wireshark`. Elsewhere, macOS included, profiles are in `$WIRESHARK_CONFIG_DIR`, else `$XDG_CONFIG_HOME/wireshark`, else
/// `~/.config/wireshark`, or in `~/.wireshark` if only that is there; plugins in `~/.local/lib/wireshark/plugins`.
fn personal_folders(variable: impl Fn(&str) -> Option<OsString>, windows: bool) -> Result<Folders, InstallError> {
    let path = |name: &'static str| variable(name).map(PathBuf::from);
    let needed = |name: &'static str| path(name).ok_or(InstallError::NoHome { variable: name });
    if windows {
        let configuration = needed("APPDATA")?.join("Wireshark");
        return Ok(Folders { plugins: configuration.join("plugins"), profiles: configuration.join("profiles") });
    }
    let home = needed("HOME")?;
    let configuration = path("WIRESHARK_CONFIG_DIR").unwrap_or_else(|| {
        let xdg = path("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute()).unwrap_or_else(|| home.join(".config"));
        let (current, former) = (xdg.join("wireshark"), home.join(".wireshark"));
        if !current.exists() && former.is_dir() { former } else { current }
    });
    Ok(Folders { plugins: home.join(".local/lib/wireshark/plugins"), profiles: configuration.join("profiles") })
}

fn how_to_use(folders: &Folders, elsewhere: bool) -> String {
    let mut text = String::new();
    if elsewhere {
        text.push_str(&format!(
            "Copy what is in {} and {} into the folders that Help > About Wireshark > Folders names\n\
             \"Personal Lua Plugins\" and \"Personal configuration\" (profiles/).\n",
            folders.plugins.display(),
            folders.profiles.display()
        ));
    }
    text.push_str(
        "Use it with:\n\
         \x20   wireshark -C keyhop FILE.pcapng      (in a running one: Edit > Configuration Profiles, and start it again)\n\
         \x20   tshark    -C keyhop -r FILE.pcapng\n\
         `tshark -G fields | grep dot16` shows whether the plugin is loaded. Root gets it only if the Lua variable\n\
         run_user_scripts_when_superuser is true, as it is in Wireshark 4.0 (init.lua in its global folder).\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(variables: &[(&str, &str)], windows: bool) -> Result<Folders, InstallError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        personal_folders(find, windows)
    }

    fn pair(plugins: &str, profiles: &str) -> Folders {
        Folders { plugins: plugins.into(), profiles: profiles.into() }
    }

    #[test]
    fn the_folders_are_those_where_wireshark_looks() {
        let plugins = "/nobody/.local/lib/wireshark/plugins";
        let home = ("HOME", "/nobody");
        assert_eq!(folders(&[home], false).unwrap(), pair(plugins, "/nobody/.config/wireshark/profiles"));
        let xdg = ("XDG_CONFIG_HOME", "/settings");
        assert_eq!(folders(&[home, xdg], false).unwrap(), pair(plugins, "/settings/wireshark/profiles"));
        let own = ("WIRESHARK_CONFIG_DIR", "/own");
        assert_eq!(folders(&[home, xdg, own], false).unwrap(), pair(plugins, "/own/profiles"));
        let windows = folders(&[("APPDATA", "/roaming")], true).unwrap();
        assert_eq!(windows, pair("/roaming/Wireshark/plugins", "/roaming/Wireshark/profiles"));
        for (windows, variable) in [(false, "HOME"), (true, "APPDATA")] {
            let error = folders(&[], windows).unwrap_err().to_string();
            assert!(error.starts_with(variable) && error.contains("--folder"), "{error}");
        }
    }

    #[test]
    fn the_folder_of_an_old_wireshark_is_used_where_there_is_no_newer_one() {
        let home = tempfile::tempdir().unwrap();
        let name = home.path().to_str().unwrap();
        fs::create_dir(home.path().join(".wireshark")).unwrap();
        assert_eq!(folders(&[("HOME", name)], false).unwrap().profiles, home.path().join(".wireshark/profiles"));
        fs::create_dir_all(home.path().join(".config/wireshark")).unwrap();
        assert_eq!(folders(&[("HOME", name)], false).unwrap().profiles, home.path().join(".config/wireshark/profiles"));
    }

    fn install_into(folder: &Path, replace: bool) -> Vec<Fate> {
        let arguments = InstallArguments { folder: Some(folder.to_owned()), replace };
        install(&arguments).unwrap().1.into_iter().map(|(_, fate)| fate).collect()
    }

    #[test]
    fn the_second_time_nothing_is_written_and_an_older_version_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let count = PLUGIN.len() + PROFILE_FILES.len();
        assert_eq!(install_into(folder.path(), false), vec![Fate::New; count]);
        assert_eq!(install_into(folder.path(), false), vec![Fate::Unchanged; count]);

        let (plugin, profile) = (folder.path().join("plugins"), folder.path().join("profiles/keyhop"));
        fs::write(plugin.join("keyhop/tlv.lua"), "-- older").unwrap();
        fs::write(profile.join("colorfilters"), "# older").unwrap();
        let record = fs::read_to_string(profile.join(RECORD)).unwrap();
        fs::write(profile.join(RECORD), record + &line(b"# older", "colorfilters")).unwrap();
        let fates = install_into(folder.path(), false);
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Replaced).count(), 2);
        assert_eq!(install_into(folder.path(), false), vec![Fate::Unchanged; count]);
    }

    #[test]
    fn a_profile_file_that_was_changed_is_kept_unless_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        install_into(folder.path(), false);
        let preferences = folder.path().join("profiles/keyhop/preferences");
        fs::write(&preferences, "gui.column.format: \"No.\", \"%m\"\n").unwrap();
        for _ in 0..2 {
            assert_eq!(install_into(folder.path(), false).last(), Some(&Fate::KeptAsChanged));
        }
        assert_eq!(install_into(folder.path(), true).last(), Some(&Fate::Replaced));
        assert_eq!(fs::read_to_string(preferences).unwrap(), PROFILE_FILES[2].1);
    }

    #[test]
    fn all_files_are_put_in_place_or_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("profiles/keyhop/preferences")).unwrap();
        let arguments = InstallArguments { folder: Some(folder.path().to_owned()), replace: false };
        assert!(install(&arguments).is_err(), "a folder stands where a file should");
        assert!(!folder.path().join("plugins/keyhop.lua").exists());
    }

    #[test]
    fn every_file_of_the_repository_is_in_the_program() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/wireshark");
        let names = |folder: &str| {
            let entries = fs::read_dir(source.join(folder)).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let parts: Vec<&str> = PLUGIN.iter().filter_map(|(path, _)| path.strip_prefix("keyhop/")).collect();
        assert_eq!(names("keyhop"), parts);
        assert_eq!(names("profile/keyhop"), PROFILE_FILES.map(|(name, _)| name));
    }
}
