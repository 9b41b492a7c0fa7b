//! Commands: every action by a stable id, with its title and its place in the palette.
//!
//! Key, menu, button and palette all end in the same message, [`crate::msg::Msg::Command`].

use serde::{Deserialize, Serialize};

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident $id:literal $group:literal $title:literal;)*) => {
        /// An action that a person can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl Command {
            /// Every command, in the palette's order.
            pub const ALL: &'static [Command] = &[$(Command::$name,)*];

            /// The stable id, as keymaps and stories write it.
            pub fn id(self) -> &'static str {
                match self { $(Command::$name => $id,)* }
            }

            /// The group that the palette shows before the title.
            pub fn group(self) -> &'static str {
                match self { $(Command::$name => $group,)* }
            }

            /// What a person reads.
            pub fn title(self) -> &'static str {
                match self { $(Command::$name => $title,)* }
            }

            /// The command with this id.
            pub fn from_id(id: &str) -> Option<Command> {
                match id { $($id => Some(Command::$name),)* _ => None }
            }
        }
    };
}

commands! {
    /// Runs the statement under the cursor, or the selection.
    QueryRun "query.run" "Query" "Run statement";
    /// Runs every statement of the tab.
    QueryRunAll "query.run-all" "Query" "Run all statements";
    /// The same, and the first error ends it.
    QueryRunAllStop "query.run-all-stop" "Query" "Run all statements, stop at an error";
    /// The same, and it goes on after errors as psql does.
    QueryRunAllContinue "query.run-all-continue" "Query" "Run all statements, continue after errors";
    /// The same, and asks at an error whether to go on.
    QueryRunAllAsk "query.run-all-ask" "Query" "Run all statements, ask at an error";
    /// Asks the server to cancel what runs; a second time offers to terminate the session.
    QueryCancel "query.cancel" "Query" "Cancel the running query";
    /// Ends the session's server process.
    QueryTerminate "query.terminate" "Query" "Terminate the session";
    /// Fetches the next window of a paused result.
    ResultsFetchMore "results.fetch-more" "Results" "Fetch more rows";
    /// Fetches all rows of a paused result.
    ResultsFetchAll "results.fetch-all" "Results" "Fetch all rows";
    /// Copies the selected cells: one column as its lines, several as TSV.
    ResultsCopy "results.copy" "Results" "Copy cells";
    /// The same, with the columns' names.
    ResultsCopyWithHeaders "results.copy-with-headers" "Results" "Copy cells with headers";
    /// Shows the active cell's value whole.
    ResultsInspect "results.inspect" "Results" "Inspect cell";
    /// Shows the next result of the tab.
    ResultsNext "results.next" "Results" "Next result";
    /// Shows the previous result of the tab.
    ResultsPrevious "results.previous" "Results" "Previous result";
    /// Shows the Messages pane.
    ResultsMessages "results.messages" "Results" "Show messages";
    /// Lists the results of the tab.
    ResultsList "results.list" "Results" "List results…";
    /// Makes the active column as wide as its values.
    ResultsFitColumn "results.fit-column" "Results" "Fit column to its values";
    /// Makes the active column wider.
    ResultsWidenColumn "results.widen-column" "Results" "Widen column";
    /// Makes the active column narrower.
    ResultsNarrowColumn "results.narrow-column" "Results" "Narrow column";
    /// Selects every cell.
    ResultsSelectAll "results.select-all" "Results" "Select all cells";
    /// Moves the active cell.
    ResultsUp "results.up" "Results" "Cell up";
    /// Moves the active cell.
    ResultsDown "results.down" "Results" "Cell down";
    /// Moves the active cell.
    ResultsLeft "results.left" "Results" "Cell left";
    /// Moves the active cell.
    ResultsRight "results.right" "Results" "Cell right";
    /// Moves the active cell to the first column.
    ResultsHome "results.home" "Results" "First column";
    /// Moves the active cell to the last column.
    ResultsEnd "results.end" "Results" "Last column";
    /// Moves the active cell by a screen.
    ResultsPageUp "results.page-up" "Results" "Page up";
    /// Moves the active cell by a screen.
    ResultsPageDown "results.page-down" "Results" "Page down";
    /// Moves the active cell to the first row and column.
    ResultsFirst "results.first" "Results" "First cell";
    /// Moves the active cell to the last row and column.
    ResultsLast "results.last" "Results" "Last cell";
    ResultsExtendUp "results.extend-up" "Results" "Extend selection up";
    ResultsExtendDown "results.extend-down" "Results" "Extend selection down";
    ResultsExtendLeft "results.extend-left" "Results" "Extend selection left";
    ResultsExtendRight "results.extend-right" "Results" "Extend selection right";
    /// Extends the selection to the first column.
    ResultsExtendHome "results.extend-home" "Results" "Extend selection to the first column";
    /// Extends the selection to the last column.
    ResultsExtendEnd "results.extend-end" "Results" "Extend selection to the last column";
    /// Extends the selection by a screen.
    ResultsExtendPageUp "results.extend-page-up" "Results" "Extend selection a page up";
    /// Extends the selection by a screen.
    ResultsExtendPageDown "results.extend-page-down" "Results" "Extend selection a page down";
    /// Extends the selection to the first cell.
    ResultsExtendFirst "results.extend-first" "Results" "Extend selection to the first cell";
    /// Extends the selection to the last cell.
    ResultsExtendLast "results.extend-last" "Results" "Extend selection to the last cell";
    /// Moves the cursor to the place of the error.
    ErrorGoTo "error.go-to" "Query" "Go to the error";
    /// Copies the error with all its details.
    ErrorCopy "error.copy" "Query" "Copy error details";
    /// Unfolds the details of errors, or folds them.
    ErrorDetails "error.details" "Query" "Show or hide error details";
    /// Opens a tab.
    TabNew "tab.new" "Tab" "New tab";
    /// Closes the tab.
    TabClose "tab.close" "Tab" "Close tab";
    /// Opens the tab that was closed last.
    TabReopen "tab.reopen" "Tab" "Reopen closed tab";
    /// Goes to the next tab.
    TabNext "tab.next" "Tab" "Next tab";
    /// Goes to the previous tab.
    TabPrevious "tab.previous" "Tab" "Previous tab";
    /// Opens a file in a tab.
    FileOpen "file.open" "File" "Open file…";
    /// Saves the tab to its file.
    FileSave "file.save" "File" "Save";
    /// Saves the tab to another file.
    FileSaveAs "file.save-as" "File" "Save as…";
    /// Runs a file without opening it.
    FileRun "file.run" "File" "Run a file…";
    /// Reads the tab's file again.
    FileReload "file.reload" "File" "Reload from disk";
    /// Searches in the editor.
    EditorFind "editor.find" "Editor" "Find";
    /// Searches and replaces in the editor.
    EditorReplace "editor.replace" "Editor" "Replace";
    /// Goes to the next place that has the words.
    FindNext "find.next" "Editor" "Find next";
    /// Goes to the previous place that has the words.
    FindPrevious "find.previous" "Editor" "Find previous";
    /// Replaces the place that was found, and goes to the next one.
    FindReplace "find.replace" "Editor" "Replace and find next";
    /// Replaces every place that has the words.
    FindReplaceAll "find.replace-all" "Editor" "Replace all";
    /// Lets capitals count in the search, or not.
    FindMatchCase "find.match-case" "Editor" "Match case";
    /// Closes the search.
    FindClose "find.close" "Editor" "Close the search";
    /// Puts the cursor on a line.
    EditorGoToLine "editor.go-to-line" "Editor" "Go to line…";
    /// Makes the selected lines comments, or takes that back.
    EditorComment "editor.comment" "Editor" "Toggle comment";
    TransactionBegin "transaction.begin" "Transaction" "Begin";
    TransactionCommit "transaction.commit" "Transaction" "Commit";
    TransactionRollback "transaction.rollback" "Transaction" "Roll back";
    /// Shows the welcome screen, to choose where the tab connects to.
    ConnectionChoose "connection.choose" "Connection" "Connect to…";
    /// Opens the connection dialog for a new connection.
    ConnectionNew "connection.new" "Connection" "New connection…";
    /// Opens the connection dialog for the chosen one.
    ConnectionEdit "connection.edit" "Connection" "Edit connection…";
    /// Forgets the chosen connection.
    ConnectionDelete "connection.delete" "Connection" "Delete connection…";
    /// Saves a copy of the chosen connection.
    ConnectionDuplicate "connection.duplicate" "Connection" "Duplicate connection";
    /// Moves the chosen connection up in its folder.
    ConnectionMoveUp "connection.move-up" "Connection" "Move connection up";
    /// Moves the chosen connection down in its folder.
    ConnectionMoveDown "connection.move-down" "Connection" "Move connection down";
    /// Saves what the service files and the password file name.
    ConnectionImport "connection.import" "Connection" "Import from .pgpass and pg_service.conf…";
    /// Closes the tab's connection.
    ConnectionDisconnect "connection.disconnect" "Connection" "Disconnect";
    /// Opens the tab's connection, or a new session in the place of a lost one.
    ConnectionReconnect "connection.reconnect" "Connection" "Reconnect";
    /// Reads anew what is in the connection's database.
    SchemaRefresh "schema.refresh" "Connection" "Read the schema anew";
    /// Starts the private server with its sample.
    SandboxStart "sandbox.start" "Connection" "Open the sandbox";
    HistoryOpen "history.open" "History" "Search runs";
    /// Focuses the editor.
    FocusEditor "focus.editor" "Focus" "Editor";
    /// Focuses the results.
    FocusResults "focus.results" "Focus" "Results";
    /// Focuses the sidebar.
    FocusSidebar "focus.sidebar" "Focus" "Sidebar";
    /// Goes between the editor and the results.
    FocusSwap "focus.swap" "Focus" "Swap editor and results";
    /// Shows or hides the sidebar.
    ViewSidebar "view.sidebar" "View" "Toggle sidebar";
    /// Everything larger.
    ViewZoomIn "view.zoom-in" "View" "Larger";
    /// Everything smaller.
    ViewZoomOut "view.zoom-out" "View" "Smaller";
    ViewZoomReset "view.zoom-reset" "View" "Usual size";
    ViewThemeLight "view.theme-light" "View" "Light theme";
    ViewThemeDark "view.theme-dark" "View" "Dark theme";
    /// The system's theme.
    ViewThemeSystem "view.theme-system" "View" "Theme as the system has it";
    SettingsOpen "settings.open" "View" "Settings";
    /// Gives the chosen setting its default again.
    SettingsReset "settings.reset" "View" "Reset the setting";
    /// Opens the settings' file in a tab.
    SettingsOpenFile "settings.open-file" "View" "Open the settings file";
    PaletteOpen "palette.open" "General" "Commands";
    /// Closes the window.
    AppQuit "app.quit" "General" "Quit";
    /// Does what the dialog or the list offers.
    DialogAccept "dialog.accept" "Dialog" "Accept";
    /// Closes the dialog, or leaves the list.
    DialogCancel "dialog.cancel" "Dialog" "Cancel";
    /// Goes to the dialog's next field.
    DialogNext "dialog.next" "Dialog" "Next field";
    /// Goes to the dialog's previous field.
    DialogPrevious "dialog.previous" "Dialog" "Previous field";
    /// Flips the field's choice, or takes the next one.
    DialogToggle "dialog.toggle" "Dialog" "Change choice";
    /// Tries the connection that the dialog describes.
    DialogTest "dialog.test" "Dialog" "Test connection";
    /// Does the dialog's other offer: overwrite, discard, terminate.
    DialogAlternative "dialog.alternative" "Dialog" "Other choice";
    /// Moves up in a list.
    ListUp "list.up" "List" "Up";
    /// Moves down in a list.
    ListDown "list.down" "List" "Down";
    /// Moves up by a screen.
    ListPageUp "list.page-up" "List" "Page up";
    /// Moves down by a screen.
    ListPageDown "list.page-down" "List" "Page down";
    /// To the first row of a list.
    ListFirst "list.first" "List" "First row";
    /// To the last row of a list.
    ListLast "list.last" "List" "Last row";
    /// Connects to the first server on this machine.
    WelcomeLocal "welcome.local" "Welcome" "Connect to the local server";
    WelcomeSandbox "welcome.sandbox" "Welcome" "Open the sandbox";
}

/// Which part of the program a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Query,
    Results,
    /// Tabs, files and the text of the page.
    Text,
    /// Connections and transactions.
    Connection,
    /// The list that has the keyboard.
    List,
    /// The window as a whole.
    Window,
}

macro_rules! rooms {
    ($($room:ident: $($command:ident),*;)*) => {
        impl Command {
            /// Which part of the program it is for.
            pub fn room(self) -> Room {
                match self { $($(Command::$command)|* => Room::$room,)* }
            }
        }
    };
}

// A command that is left out does not compile.
rooms! {
    Query:
        QueryRun, QueryRunAll, QueryRunAllStop, QueryRunAllContinue, QueryRunAllAsk, QueryCancel,
        QueryTerminate, ErrorGoTo, ErrorCopy, ErrorDetails;
    Results:
        ResultsFetchMore, ResultsFetchAll, ResultsCopy, ResultsCopyWithHeaders, ResultsInspect, ResultsNext,
        ResultsPrevious, ResultsMessages, ResultsList, ResultsFitColumn, ResultsWidenColumn,
        ResultsNarrowColumn, ResultsSelectAll, ResultsUp, ResultsDown, ResultsLeft, ResultsRight, ResultsHome,
        ResultsEnd, ResultsPageUp, ResultsPageDown, ResultsFirst, ResultsLast, ResultsExtendUp,
        ResultsExtendDown, ResultsExtendLeft, ResultsExtendRight, ResultsExtendHome, ResultsExtendEnd,
        ResultsExtendPageUp, ResultsExtendPageDown, ResultsExtendFirst, ResultsExtendLast;
    Text:
        TabNew, TabClose, TabReopen, TabNext, TabPrevious, FileOpen, FileSave, FileSaveAs, FileRun,
        FileReload, EditorFind, EditorReplace, FindNext, FindPrevious, FindReplace, FindReplaceAll,
        FindMatchCase, FindClose, EditorGoToLine, EditorComment;
    Connection:
        TransactionBegin, TransactionCommit, TransactionRollback, ConnectionChoose, ConnectionNew,
        ConnectionEdit, ConnectionDelete, ConnectionDuplicate, ConnectionMoveUp, ConnectionMoveDown,
        ConnectionImport, ConnectionDisconnect, ConnectionReconnect, SchemaRefresh, SandboxStart;
    List:
        DialogAccept, DialogCancel, DialogNext, DialogPrevious, DialogToggle, DialogTest, DialogAlternative,
        ListUp, ListDown, ListPageUp, ListPageDown, ListFirst, ListLast, WelcomeLocal, WelcomeSandbox;
    Window:
        HistoryOpen, FocusEditor, FocusResults, FocusSidebar, FocusSwap, ViewSidebar, ViewZoomIn, ViewZoomOut,
        ViewZoomReset, ViewThemeLight, ViewThemeDark, ViewThemeSystem, SettingsOpen, SettingsReset,
        SettingsOpenFile, PaletteOpen, AppQuit;
}

impl Command {
    /// Whether the palette lists it: not what only moves, or only means something in a dialog or a list.
    pub fn in_palette(self) -> bool {
        !matches!(self.group(), "Dialog" | "List" | "Welcome") && self != Command::PaletteOpen
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
