//! Functions that a read-only connection knows to be harmless, and why.
//!
//! PostgreSQL's functions that are not volatile have no effects. Each volatile one, of the server or of its own
//! extensions, 12 to 18, is either refused by name or in one of these lists; a test asks the servers for all their
//! functions. One that a newer server adds is in neither, and is refused until somebody has judged it.

/// Whether the volatile function of PostgreSQL or its own extensions that has this name is harmless.
pub fn is_harmless(name: &str) -> bool {
    [READING, OF_THE_SESSION, UNDONE, RUNNING_A_TEXT]
        .iter()
        .any(|list| list.binary_search(&name).is_ok())
}

/// They read, wait, or make up values.
#[rustfmt::skip]
pub const READING: &[&str] = &[
    "amvalidate", "array_sample", "array_shuffle", "brin_metapage_info", "brin_page_items", "brin_page_type",
    "brin_revmap_data", "bt_index_check", "bt_index_parent_check", "bt_metap", "bt_multi_page_stats",
    "bt_page_items", "bt_page_stats", "clock_timestamp", "current_query", "currtid", "currtid2", "currval",
    "cursor_to_xml", "cursor_to_xmlschema", "file_fdw_validator", "fips_mode", "fsm_page_contents",
    "gen_random_bytes", "gen_random_uuid", "gen_salt", "get_raw_page", "gin_index_check", "gin_leafpage_items",
    "gin_metapage_info", "gin_page_opaque_info", "gist_page_items", "gist_page_items_bytea",
    "gist_page_opaque_info", "hash_bitmap_info", "hash_metapage_info", "hash_page_items", "hash_page_stats",
    "hash_page_type", "heap_page_item_attrs", "heap_page_items", "heap_tuple_infomask_flags", "lastval", "lo_get",
    "lo_lseek", "lo_lseek64", "lo_tell", "lo_tell64", "loread", "normal_rand", "page_checksum", "page_header",
    "pg_available_wal_summaries", "pg_blocking_pids", "pg_buffercache_numa_pages", "pg_buffercache_pages",
    "pg_buffercache_summary", "pg_buffercache_usage_counts", "pg_check_frozen", "pg_check_visible",
    "pg_collation_actual_version", "pg_control_checkpoint", "pg_control_init", "pg_control_recovery",
    "pg_control_system", "pg_current_logfile", "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn", "pg_database_collation_actual_version", "pg_database_size", "pg_freespace", "pg_get_aios",
    "pg_get_backend_memory_contexts", "pg_get_loaded_modules", "pg_get_logical_snapshot_info",
    "pg_get_logical_snapshot_meta", "pg_get_multixact_members", "pg_get_sequence_data", "pg_get_shmem_allocations",
    "pg_get_shmem_allocations_numa", "pg_get_wait_events", "pg_get_wal_block_info", "pg_get_wal_record_info",
    "pg_get_wal_records_info", "pg_get_wal_records_info_till_end_of_wal", "pg_get_wal_replay_pause_state",
    "pg_get_wal_resource_managers", "pg_get_wal_stats", "pg_get_wal_stats_till_end_of_wal",
    "pg_get_wal_summarizer_state", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_indexes_size",
    "pg_is_in_backup", "pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_isolation_test_session_is_blocked",
    "pg_jit_available", "pg_last_committed_xact", "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp", "pg_lock_status", "pg_logdir_ls", "pg_logical_slot_peek_binary_changes",
    "pg_logical_slot_peek_changes", "pg_ls_archive_statusdir", "pg_ls_dir", "pg_ls_logdir", "pg_ls_logicalmapdir",
    "pg_ls_logicalsnapdir", "pg_ls_replslotdir", "pg_ls_summariesdir", "pg_ls_tmpdir", "pg_ls_waldir",
    "pg_notification_queue_usage", "pg_old_snapshot_time_mapping", "pg_partition_ancestors", "pg_partition_tree",
    "pg_prepared_xact", "pg_prewarm", "pg_read_binary_file", "pg_read_file", "pg_read_file_old", "pg_relation_size",
    "pg_relpages", "pg_replication_origin_progress", "pg_replication_origin_session_is_setup",
    "pg_replication_origin_session_progress", "pg_safe_snapshot_blocking_pids", "pg_sequence_last_value",
    "pg_show_all_file_settings", "pg_show_replication_origin_status", "pg_sleep", "pg_sleep_for", "pg_sleep_until",
    "pg_stat_file", "pg_stat_get_backend_io", "pg_stat_get_backend_wal", "pg_stat_get_io",
    "pg_stat_get_recovery_prefetch", "pg_stat_get_xact_blocks_fetched", "pg_stat_get_xact_blocks_hit",
    "pg_stat_get_xact_function_calls", "pg_stat_get_xact_function_self_time",
    "pg_stat_get_xact_function_total_time", "pg_stat_get_xact_numscans", "pg_stat_get_xact_tuples_deleted",
    "pg_stat_get_xact_tuples_fetched", "pg_stat_get_xact_tuples_hot_updated", "pg_stat_get_xact_tuples_inserted",
    "pg_stat_get_xact_tuples_newpage_updated", "pg_stat_get_xact_tuples_returned",
    "pg_stat_get_xact_tuples_updated", "pg_stat_have_stats", "pg_stat_statements", "pg_stat_statements_info",
    "pg_table_size", "pg_tablespace_size", "pg_total_relation_size", "pg_visibility", "pg_visibility_map",
    "pg_visibility_map_summary", "pg_wal_summary_contents", "pg_xact_commit_timestamp",
    "pg_xact_commit_timestamp_origin", "pg_xact_status", "pgp_pub_encrypt", "pgp_pub_encrypt_bytea",
    "pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgrowlocks", "pgstatginindex", "pgstathashindex", "pgstatindex",
    "pgstattuple", "pgstattuple_approx", "plpgsql_validator", "postgres_fdw_get_connections",
    "postgres_fdw_validator", "random", "random_normal", "ssl_cipher", "ssl_client_cert_present", "ssl_client_dn",
    "ssl_client_dn_field", "ssl_client_serial", "ssl_extension_info", "ssl_is_used", "ssl_issuer_dn",
    "ssl_issuer_field", "ssl_version", "timeofday", "timezone", "tuple_data_split", "txid_status",
    "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7", "verify_heapam",
    "xslt_process",
];

/// Their effects are in the session, harmless there, or undone by Tusk.
#[rustfmt::skip]
pub const OF_THE_SESSION: &[&str] = &[
    "isn_weak", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_stat_clear_snapshot",
    "pg_stat_force_next_flush", "pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared", "postgres_fdw_disconnect", "postgres_fdw_disconnect_all", "set_config",
    "set_limit", "setseed",
];

/// The rollback undoes what they do.
#[rustfmt::skip]
pub const UNDONE: &[&str] = &[
    "lo_close", "lo_creat", "lo_create", "lo_from_bytea", "lo_import", "lo_open", "lo_put", "lo_truncate",
    "lo_truncate64", "lo_unlink", "lowrite", "pg_clear_attribute_stats", "pg_clear_relation_stats",
    "pg_export_snapshot", "pg_extension_config_dump", "pg_import_system_collations", "pg_notify",
    "pg_restore_attribute_stats", "pg_restore_relation_stats",
];

/// They run a text, which is checked.
#[rustfmt::skip]
pub const RUNNING_A_TEXT: &[&str] = &[
    "query_to_xml", "query_to_xml_and_xmlschema", "query_to_xmlschema", "ts_rewrite", "ts_stat",
];

/// Extensions whose functions in C are known: those that are not volatile, and those listed above. PostgreSQL's own,
/// and some that many databases have.
#[rustfmt::skip]
pub const EXTENSIONS: &[&str] = &[
    "adminpack", "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dblink", "dict_int",
    "dict_xsyn", "earthdistance", "file_fdw", "fuzzystrmatch", "h3", "hll", "hstore", "insert_username", "intagg",
    "intarray", "ip4r", "isn", "lo", "ltree", "moddatetime", "old_snapshot", "pageinspect", "pg_buffercache",
    "pg_freespacemap", "pg_logicalinspect", "pg_overexplain", "pg_prewarm", "pg_stat_statements", "pg_surgery",
    "pg_trgm", "pg_uuidv7", "pg_visibility", "pg_walinspect", "pgcrypto", "pgrowlocks", "pgstattuple", "plpgsql",
    "postgis", "postgis_raster", "postgis_sfcgal", "postgis_topology", "postgres_fdw", "prefix", "refint", "rum",
    "seg", "semver", "sslinfo", "tablefunc", "tcn", "tdigest", "timescaledb", "topn", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp", "vector", "xml2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_no_function_is_refused_and_harmless() {
        for list in [READING, OF_THE_SESSION, UNDONE, RUNNING_A_TEXT, EXTENSIONS] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(is_harmless("random") && !is_harmless("setval"));
    }
}
