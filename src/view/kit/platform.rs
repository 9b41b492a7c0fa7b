//! What a window needs of the machine before it opens. On Linux without a GPU, software Vulkan
//! leaves an X11 window black; with that driver switched off, hardware Vulkan is still used where
//! there is any, and GL where there is none.

/// The variable by which Vulkan's loader leaves drivers out.
const DISABLED_DRIVERS: &str = "VK_LOADER_DRIVERS_DISABLE";

/// Set for the second start, so that there is never a third.
const RESTARTED: &str = "TUSK_RESTARTED_FOR_WINDOW";

/// Variables by which people choose a driver themselves. Whoever set one means it.
const CHOSEN_BY_USER: [&str; 6] = [
    DISABLED_DRIVERS,
    "VK_LOADER_DRIVERS_SELECT",
    "VK_DRIVER_FILES",
    "VK_ADD_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "WGPU_BACKEND",
];

/// Whether the program has to start again with software Vulkan left out, to judge by the names of
/// the variables that are set.
pub fn needs_restart(is_set: impl Fn(&str) -> bool) -> bool {
    !is_set(RESTARTED) && !CHOSEN_BY_USER.iter().any(|name| is_set(name))
}

/// Starts the program again with software Vulkan left out, where that is called for, and does not
/// return then. The first thing on the way to a window; offscreen rendering needs that driver.
///
/// # Errors
/// The operating system's, when the program could not be started again. Going on without is right:
/// with a GPU the window is painted all the same.
#[cfg(target_os = "linux")]
pub fn restart_for_window() -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;

    if !needs_restart(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    let mut command = std::process::Command::new("/proc/self/exe");
    if let Some(name) = name {
        command.arg0(name);
    }
    let error = command.args(arguments).env(DISABLED_DRIVERS, "*lvp*").env(RESTARTED, "1").exec();
    Err(error)
}

/// Only Linux has the driver in question.
///
/// # Errors
/// None; the signature is the same everywhere.
#[cfg(not(target_os = "linux"))]
pub fn restart_for_window() -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_environment_starts_again_once() {
        assert!(needs_restart(|_| false));
        assert!(!needs_restart(|name| name == RESTARTED));
    }

    #[test]
    fn whoever_chose_a_driver_keeps_it() {
        for chosen in CHOSEN_BY_USER {
            assert!(!needs_restart(|name| name == chosen), "{chosen}");
        }
    }
}
