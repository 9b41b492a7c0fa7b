//! Whether the system asks for less motion. Then no spinner turns, and what the kit moves by itself stands still.

use gpui::App;

use super::theme;

/// Follows what the system's settings say, for as long as the program runs. On Linux the desktop's portal tells of each
/// change; elsewhere [`look_again`] finds it.
pub fn follow(cx: &mut App) {
    look_again(cx);
    #[cfg(target_os = "linux")]
    {
        let (told, heard) = flume::unbounded();
        let listening = async move {
            if let Err(error) = portal::listen_on_session_bus(&told).await {
                log::debug!("no portal says whether less motion is wanted: {error}");
            }
        };
        cx.background_executor().spawn(listening).detach();
        cx.spawn(async move |cx| {
            while let Ok(reduced) = heard.recv_async().await {
                cx.update(|cx| theme::set_reduced_motion(cx, reduced));
            }
        })
        .detach();
    }
}

/// Asks the system, where it answers at once: when a window is gone to, its settings may be others.
pub fn look_again(cx: &mut App) {
    if let Some(reduced) = asked() {
        theme::set_reduced_motion(cx, reduced);
    }
}

#[cfg(target_os = "macos")]
fn asked() -> Option<bool> {
    let workspace = objc2_app_kit::NSWorkspace::sharedWorkspace();
    Some(workspace.accessibilityDisplayShouldReduceMotion())
}

#[cfg(target_os = "windows")]
fn asked() -> Option<bool> {
    let settings = windows::UI::ViewManagement::UISettings::new();
    Some(!settings.and_then(|settings| settings.AnimationsEnabled()).ok()?)
}

#[cfg(not(any(target_os = "macos", target_os = "windows")))]
fn asked() -> Option<bool> {
    None
}

/// The settings that the desktop's portal shows to programs.
#[cfg(target_os = "linux")]
mod portal {
    use std::pin::pin;

    use ashpd::desktop::settings::{
        APPEARANCE_NAMESPACE, REDUCED_MOTION_KEY, ReducedMotion, Settings,
    };
    use flume::Sender;
    use smol::stream::StreamExt;

    /// What every desktop is to say; older ones don't.
    const COMMON: (&str, &str) = (APPEARANCE_NAMESPACE, REDUCED_MOTION_KEY);
    /// A boolean of GNOME's.
    const GNOME: (&str, &str) = ("org.gnome.desktop.interface", "enable-animations");
    /// A number of Plasma's, as text: 0 where nothing moves.
    const PLASMA: (&str, &str) = ("org.kde.kdeglobals.KDE", "AnimationDurationFactor");

    pub(super) async fn listen_on_session_bus(told: &Sender<bool>) -> Result<(), ashpd::Error> {
        listen(&Settings::new().await?, told).await
    }

    /// Says whether less motion is wanted, now and after each change, until nobody listens or the bus is gone.
    pub(super) async fn listen(
        settings: &Settings,
        told: &Sender<bool>,
    ) -> Result<(), ashpd::Error> {
        let mut changes = pin!(settings.receive_setting_changed().await?);
        let mut listens = told.send(is_reduced(settings).await).is_ok();
        while listens && let Some(change) = changes.next().await {
            if [COMMON, GNOME, PLASMA].contains(&(change.namespace(), change.key())) {
                listens = told.send(is_reduced(settings).await).is_ok();
            }
        }
        Ok(())
    }

    /// Whether one of the settings asks for it. One that the desktop does not have asks for nothing.
    async fn is_reduced(settings: &Settings) -> bool {
        let common = settings.read::<ReducedMotion>(COMMON.0, COMMON.1).await;
        let gnome = settings.read::<bool>(GNOME.0, GNOME.1).await;
        let plasma = settings.read::<String>(PLASMA.0, PLASMA.1).await;
        matches!(common, Ok(ReducedMotion::ReducedMotion))
            || matches!(gnome, Ok(false))
            || plasma.is_ok_and(|factor| factor.trim().parse::<f64>().is_ok_and(|it| it == 0.0))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use ashpd::desktop::settings::Settings;
    use zbus::blocking::{Connection, connection::Builder};
    use zbus::zvariant::{OwnedValue, Value};
    use zbus::{fdo, interface, object_server::SignalEmitter};

    use super::portal;

    const PATH: &str = "/org/freedesktop/portal/desktop";

    /// A bus that nobody else is on.
    struct Bus {
        daemon: Child,
        address: String,
    }

    impl Bus {
        fn start() -> Self {
            let mut command = Command::new("dbus-daemon");
            command.args(["--session", "--nofork", "--print-address=1"]).stdout(Stdio::piped());
            let mut daemon = command.spawn().expect("a bus");
            let mut address = String::new();
            let said = daemon.stdout.take().expect("its output");
            BufReader::new(said).read_line(&mut address).expect("its address");
            Self { daemon, address: address.trim().to_owned() }
        }
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            self.daemon.kill().expect("the bus runs");
            self.daemon.wait().expect("the bus ends");
        }
    }

    /// A desktop's portal, with what its settings are.
    struct Portal(BTreeMap<(String, String), OwnedValue>);

    #[interface(name = "org.freedesktop.portal.Settings")]
    impl Portal {
        fn read(&self, namespace: String, key: String) -> fdo::Result<OwnedValue> {
            let value = self.0.get(&(namespace, key)).and_then(|value| value.try_clone().ok());
            // As the portal does: a variant in a variant.
            let wrapped = value.map(|value| Value::Value(Box::new(Value::from(value))));
            let answer = wrapped.and_then(|value| OwnedValue::try_from(value).ok());
            answer.ok_or_else(|| fdo::Error::Failed("no such setting".into()))
        }

        #[zbus(signal)]
        async fn setting_changed(
            emitter: &SignalEmitter<'_>,
            namespace: &str,
            key: &str,
            value: Value<'_>,
        ) -> zbus::Result<()>;

        #[zbus(property(emits_changed_signal = "const"), name = "version")]
        fn version(&self) -> u32 {
            2
        }
    }

    fn set(bus: &Connection, (namespace, key): (&str, &str), value: Value<'_>) {
        let portal = bus.object_server().interface::<_, Portal>(PATH).expect("the portal");
        let owned = value.try_to_owned().expect("a plain value");
        portal.get_mut().0.insert((namespace.into(), key.into()), owned);
        let emitter = portal.signal_emitter();
        smol::block_on(Portal::setting_changed(emitter, namespace, key, value)).expect("a signal");
    }

    #[test]
    fn each_desktop_says_that_less_motion_is_wanted() {
        let bus = Bus::start();
        let desktop = Builder::address(bus.address.as_str())
            .and_then(|bus| bus.name("org.freedesktop.portal.Desktop"))
            .and_then(|bus| bus.serve_at(PATH, Portal(BTreeMap::new())))
            .and_then(Builder::build)
            .expect("a portal");
        let ours = Builder::address(bus.address.as_str()).and_then(Builder::build);
        let ours = ours.expect("a connection").into_inner();
        let (told, heard) = flume::unbounded();
        let listening = std::thread::spawn(move || {
            smol::block_on(async {
                let settings = Settings::with_connection(ours).await?;
                portal::listen(&settings, &told).await
            })
        });
        let next = || heard.recv().expect("an answer");
        assert!(!next(), "a desktop that has none of the settings");
        let common = ("org.freedesktop.appearance", "reduced-motion");
        set(&desktop, common, Value::U32(1));
        assert!(next());
        // Others are no reason to ask.
        set(&desktop, ("org.freedesktop.appearance", "contrast"), Value::U32(1));
        set(&desktop, common, Value::U32(0));
        assert!(!next());
        let gnome = ("org.gnome.desktop.interface", "enable-animations");
        set(&desktop, gnome, Value::Bool(false));
        assert!(next());
        set(&desktop, gnome, Value::Bool(true));
        assert!(!next());
        let plasma = ("org.kde.kdeglobals.KDE", "AnimationDurationFactor");
        set(&desktop, plasma, Value::from("0"));
        assert!(next());
        set(&desktop, plasma, Value::from("0.5"));
        assert!(!next());
        drop(heard);
        set(&desktop, plasma, Value::from("0"));
        listening.join().expect("no panic").expect("a portal that answers");
    }
}
