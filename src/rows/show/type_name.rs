//! Names of PostgreSQL's built-in types, by oid, as people type them.
//!
//! The oids of built-in types never change between server versions, so that a header needs no look-up for them.
//! Everything else (a user's enum, hstore, a table's row type) has to be asked of the server.

use std::fmt::Write;

/// The oid of `bool`.
pub const BOOL: u32 = 16;
/// The oid of `int8`.
pub const INT8: u32 = 20;
/// The oid of `int2`.
pub const INT2: u32 = 21;
/// The oid of `int4`.
pub const INT4: u32 = 23;
/// The oid of `text`.
pub const TEXT: u32 = 25;
/// The oid of `oid`.
pub const OID: u32 = 26;
/// The oid of `xid`.
pub const XID: u32 = 28;
/// The oid of `cid`.
pub const CID: u32 = 29;
/// The oid of `json`.
pub const JSON: u32 = 114;
/// The oid of `float4`.
pub const FLOAT4: u32 = 700;
/// The oid of `float8`.
pub const FLOAT8: u32 = 701;
/// The oid of `money`.
pub const MONEY: u32 = 790;
/// The oid of `numeric`.
pub const NUMERIC: u32 = 1700;
/// The oid of `jsonb`.
pub const JSONB: u32 = 3802;
/// The oid of `xid8`.
pub const XID8: u32 = 5069;

const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const INTERVAL: u32 = 1186;
const TIMETZ: u32 = 1266;
const BIT: u32 = 1560;
const VARBIT: u32 = 1562;

/// The name of a built-in type with its modifier (`numeric(10,2)`, `varchar(20)[]`), or nothing for a type that only
/// the server can name.
pub fn type_name(oid: u32, typmod: i32) -> Option<String> {
    let index = NAMES.binary_search_by_key(&oid, |entry| entry.0).ok();
    if let Some(&(_, name)) = index.and_then(|index| NAMES.get(index)) {
        return Some(with_modifier(oid, name, typmod));
    }
    let index = ARRAYS.binary_search_by_key(&oid, |entry| entry.0).ok()?;
    let &(_, element) = ARRAYS.get(index)?;
    // An array carries its element's modifier.
    Some(type_name(element, typmod)? + "[]")
}

/// Whether only the server can name this type. Oid 0 is no type at all: there is nothing to look up.
pub fn needs_lookup(oid: u32) -> bool {
    oid != 0
        && NAMES.binary_search_by_key(&oid, |entry| entry.0).is_err()
        && ARRAYS.binary_search_by_key(&oid, |entry| entry.0).is_err()
}

fn with_modifier(oid: u32, name: &str, typmod: i32) -> String {
    if typmod < 0 {
        return name.to_owned();
    }
    match oid {
        // A plain `char(n)` is stored as bpchar; only with a length is it what people call char.
        BPCHAR if typmod >= 4 => format!("char({})", typmod - 4),
        VARCHAR if typmod >= 4 => format!("varchar({})", typmod - 4),
        BIT | VARBIT | TIME | TIMETZ | TIMESTAMP | TIMESTAMPTZ => format!("{name}({typmod})"),
        NUMERIC if typmod >= 4 => {
            let packed = typmod - 4;
            let precision = (packed >> 16) & 0xffff;
            // The scale is an 11-bit signed number: PostgreSQL 15 and later allow negative ones.
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            format!("numeric({precision},{scale})")
        }
        INTERVAL => interval_name(typmod),
        _ => name.to_owned(),
    }
}

fn interval_name(typmod: i32) -> String {
    const YEAR: i32 = 1 << 2;
    const MONTH: i32 = 1 << 1;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    const UNITS: [(i32, &str); 6] = [
        (YEAR, "year"),
        (MONTH, "month"),
        (DAY, "day"),
        (HOUR, "hour"),
        (MINUTE, "minute"),
        (SECOND, "second"),
    ];
    let fields = (typmod >> 16) & 0x7fff;
    let precision = typmod & 0xffff;
    let mut name = String::from("interval");
    // All bits set means no restriction.
    if fields != 0x7fff {
        let mut named = UNITS.iter().filter(|unit| fields & unit.0 != 0);
        if let Some((_, first)) = named.next() {
            name.push(' ');
            name.push_str(first);
        }
        if let Some((_, last)) = named.next_back() {
            name.push_str(" to ");
            name.push_str(last);
        }
    }
    if precision != 0xffff && write!(name, "({precision})").is_err() {
        return String::from("interval");
    }
    name
}

/// Scalar, range, multirange and pseudo types, by oid.
#[rustfmt::skip]
const NAMES: &[(u32, &str)] = &[
    (16, "bool"), (17, "bytea"), (18, "\"char\""), (19, "name"), (20, "int8"), (21, "int2"), (22, "int2vector"),
    (23, "int4"), (24, "regproc"), (25, "text"), (26, "oid"), (27, "tid"), (28, "xid"), (29, "cid"),
    (30, "oidvector"), (32, "pg_ddl_command"), (114, "json"), (142, "xml"), (194, "pg_node_tree"), (269, "table_am_handler"),
    (325, "index_am_handler"), (600, "point"), (601, "lseg"), (602, "path"), (603, "box"), (604, "polygon"),
    (628, "line"), (650, "cidr"), (700, "float4"), (701, "float8"), (705, "unknown"), (718, "circle"),
    (774, "macaddr8"), (790, "money"), (829, "macaddr"), (869, "inet"), (1033, "aclitem"), (1042, "bpchar"),
    (1043, "varchar"), (1082, "date"), (1083, "time"), (1114, "timestamp"), (1184, "timestamptz"), (1186, "interval"),
    (1266, "timetz"), (1560, "bit"), (1562, "varbit"), (1700, "numeric"), (1790, "refcursor"), (2202, "regprocedure"),
    (2203, "regoper"), (2204, "regoperator"), (2205, "regclass"), (2206, "regtype"), (2249, "record"),
    (2275, "cstring"), (2276, "\"any\""), (2277, "anyarray"), (2278, "void"), (2279, "trigger"), (2280, "language_handler"),
    (2281, "internal"), (2283, "anyelement"), (2776, "anynonarray"), (2950, "uuid"), (2970, "txid_snapshot"),
    (3115, "fdw_handler"), (3220, "pg_lsn"), (3310, "tsm_handler"), (3361, "pg_ndistinct"), (3402, "pg_dependencies"),
    (3500, "anyenum"), (3614, "tsvector"), (3615, "tsquery"), (3642, "gtsvector"), (3734, "regconfig"),
    (3769, "regdictionary"), (3802, "jsonb"), (3831, "anyrange"), (3838, "event_trigger"), (3904, "int4range"),
    (3906, "numrange"), (3908, "tsrange"), (3910, "tstzrange"), (3912, "daterange"), (3926, "int8range"),
    (4072, "jsonpath"), (4089, "regnamespace"), (4096, "regrole"), (4191, "regcollation"), (4451, "int4multirange"),
    (4532, "nummultirange"), (4533, "tsmultirange"), (4534, "tstzmultirange"), (4535, "datemultirange"),
    (4536, "int8multirange"), (4537, "anymultirange"), (4538, "anycompatiblemultirange"), (4600, "pg_brin_bloom_summary"),
    (4601, "pg_brin_minmax_multi_summary"), (5017, "pg_mcv_list"), (5038, "pg_snapshot"), (5069, "xid8"),
    (5077, "anycompatible"), (5078, "anycompatiblearray"), (5079, "anycompatiblenonarray"), (5080, "anycompatiblerange"),
];

/// Array types with the oid of their element, by oid.
#[rustfmt::skip]
const ARRAYS: &[(u32, u32)] = &[
    (143, 142), (199, 114), (271, 5069), (629, 628), (651, 650), (719, 718), (775, 774), (791, 790), (1000, 16),
    (1001, 17), (1002, 18), (1003, 19), (1005, 21), (1006, 22), (1007, 23), (1008, 24), (1009, 25), (1010, 27),
    (1011, 28), (1012, 29), (1013, 30), (1014, 1042), (1015, 1043), (1016, 20), (1017, 600), (1018, 601),
    (1019, 602), (1020, 603), (1021, 700), (1022, 701), (1027, 604), (1028, 26), (1034, 1033), (1040, 829),
    (1041, 869), (1115, 1114), (1182, 1082), (1183, 1083), (1185, 1184), (1187, 1186), (1231, 1700), (1263, 2275),
    (1270, 1266), (1561, 1560), (1563, 1562), (2201, 1790), (2207, 2202), (2208, 2203), (2209, 2204), (2210, 2205),
    (2211, 2206), (2287, 2249), (2949, 2970), (2951, 2950), (3221, 3220), (3643, 3614), (3644, 3642), (3645, 3615),
    (3735, 3734), (3770, 3769), (3807, 3802), (3905, 3904), (3907, 3906), (3909, 3908), (3911, 3910), (3913, 3912),
    (3927, 3926), (4073, 4072), (4090, 4089), (4097, 4096), (4192, 4191), (5039, 5038), (6150, 4451), (6151, 4532),
    (6152, 4533), (6153, 4534), (6155, 4535), (6157, 4536),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(oid: u32, typmod: i32) -> String {
        type_name(oid, typmod).unwrap_or_default()
    }

    #[test]
    fn the_tables_are_sorted_and_every_array_has_a_named_element() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ARRAYS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for &(array, element) in ARRAYS {
            assert_eq!(name(array, -1), format!("{}[]", name(element, -1)));
            assert!(NAMES.iter().any(|entry| entry.0 == element), "{array}");
            assert!(NAMES.iter().all(|entry| entry.0 != array), "{array}");
        }
    }

    #[test]
    fn built_in_types_have_the_names_that_people_type() {
        for (oid, expected) in [
            (16, "bool"),
            (18, "\"char\""),
            (20, "int8"),
            (23, "int4"),
            (701, "float8"),
            (1007, "int4[]"),
            (1042, "bpchar"),
            (1043, "varchar"),
            (1184, "timestamptz"),
            (1185, "timestamptz[]"),
            (1700, "numeric"),
            (2950, "uuid"),
            (3802, "jsonb"),
            (3904, "int4range"),
            (3905, "int4range[]"),
            (4451, "int4multirange"),
            (6150, "int4multirange[]"),
            (705, "unknown"),
            (2249, "record"),
            (2278, "void"),
        ] {
            assert_eq!(name(oid, -1), expected);
            assert!(!needs_lookup(oid), "{expected}");
        }
    }

    #[test]
    fn a_modifier_is_part_of_the_name() {
        for (oid, typmod, expected) in [
            (1043, 24, "varchar(20)"),
            (1015, 24, "varchar(20)[]"),
            (1042, 7, "char(3)"),
            (1700, (10 << 16 | 2) + 4, "numeric(10,2)"),
            (1700, (3 << 16 | (-2 & 0x7ff)) + 4, "numeric(3,-2)"),
            (1231, (10 << 16) + 4, "numeric(10,0)[]"),
            (1114, 3, "timestamp(3)"),
            (1184, 0, "timestamptz(0)"),
            (1083, 6, "time(6)"),
            (1266, 2, "timetz(2)"),
            (1560, 8, "bit(8)"),
            (1562, 8, "varbit(8)"),
            (1186, 0x7fff_0003, "interval(3)"),
            (1186, 4 << 16 | 0xffff, "interval year"),
            (1186, 6 << 16 | 0xffff, "interval year to month"),
            (1186, 0x1c08 << 16 | 2, "interval day to second(2)"),
            (1186, -1, "interval"),
            (23, 4, "int4"),
        ] {
            assert_eq!(name(oid, typmod), expected);
        }
    }

    #[test]
    fn a_type_of_the_user_needs_a_look_up_and_no_type_does_not() {
        assert!(needs_lookup(16_384));
        assert_eq!(type_name(16_384, -1), None);
        // The row type of pg_class is built in, but it is named by its table.
        assert!(needs_lookup(83));
        assert!(!needs_lookup(0));
    }
}
