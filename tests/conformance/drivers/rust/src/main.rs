//! Reads "OFFSET PATH" lines from standard input, prints the reading of each file as JSON.

use driver::parser;
use kaitai::{BytesReader, KError, KResult, KStream, KStruct, KStructUnit, OptRc};
use parser::configuration::{
    Configuration_ConfigurationSubsection, Configuration_ConfigurationSubsection_Body as Body,
};
use parser::mapped_ram::{
    MappedRam, MappedRam_RamRecord, MappedRam_Ramblock, MappedRam_StreamSection,
};
use std::io::BufRead;

const BITMAP_MAX: u64 = 1 << 20;

fn text(value: &str) -> String {
    let mut json = String::from("\"");
    for letter in value.chars() {
        match letter {
            ' '..='~' if letter != '"' && letter != '\\' => json.push(letter),
            _ => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
        }
    }
    json + "\""
}

fn hex(bytes: &[u8]) -> String {
    text(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn object(members: &[(&str, String)]) -> String {
    let shown: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
    format!("{{{}}}", shown.join(","))
}

fn array(members: Vec<String>) -> String {
    format!("[{}]", members.join(","))
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_string())
}

fn number(value: impl Into<i64>) -> String {
    value.into().to_string()
}

fn accepted(root: &MappedRam) -> KResult<String> {
    let header = root.header();
    let sections = root.sections().iter().map(|one| section(one)).collect::<KResult<_>>()?;
    let shown = object(&[
        ("verdict", text("accepted")),
        (
            "header",
            object(&[
                ("magic", hex(&header.magic())),
                ("version", header.version().to_string()),
            ]),
        ),
        ("sections", array(sections)),
        ("rest", root.ofs_rest()?.to_string()),
    ]);
    Ok(shown)
}

fn subsection(node: &Configuration_ConfigurationSubsection) -> String {
    let body = node.body();
    object(&[
        ("section_type", number(&*node.section_type())),
        ("len_idstr", node.len_idstr().to_string()),
        ("idstr", text(&node.idstr())),
        ("version_id", node.version_id().to_string()),
        ("body", or_null(body.as_ref().map(shown_body))),
    ])
}

fn shown_body(body: &Body) -> String {
    match body {
        Body::Configuration_Capabilities(found) => {
            let names = found.capabilities();
            let shown = names.iter().map(|one| {
                object(&[("len_name", one.len_name().to_string()), ("name", text(&one.name()))])
            });
            object(&[
                ("caps_count", found.num_capabilities().to_string()),
                ("capabilities", array(shown.collect())),
            ])
        }
        Body::Configuration_Uuid(found) => object(&[("uuid", hex(&found.uuid()))]),
        Body::Configuration_TargetPageBits(found) => {
            object(&[("target_page_bits", found.target_page_bits().to_string())])
        }
    }
}

fn section(node: &MappedRam_StreamSection) -> KResult<String> {
    let payload = if *node.is_followed()? {
        let (start, end) = (*node.ofs_payload()?, *node.ofs_payload_end()?);
        Some(format!("[{start},{}]", end - start))
    } else {
        None
    };
    let records = if *node.is_ram()? { Some(records(node)?) } else { None };
    let footer = if *node.has_footer()? {
        let found = node.footer()?;
        let shown = object(&[
            ("section_type", number(&*found.section_type())),
            ("section_id", found.section_id().to_string()),
        ]);
        Some(shown)
    } else {
        None
    };
    Ok(object(&[
        ("offset", node.ofs_self().to_string()),
        ("header", section_header(node)?),
        ("payload", or_null(payload)),
        ("records", or_null(records)),
        ("footer", or_null(footer)),
    ]))
}

fn section_header(node: &MappedRam_StreamSection) -> KResult<String> {
    if *node.is_configuration()? {
        let header = node.configuration()?;
        return Ok(object(&[
            ("section_type", number(&*header.section_type())),
            ("len_name", header.len_name().to_string()),
            ("name", text(&header.name())),
        ]));
    }
    if *node.is_subsection()? {
        return Ok(subsection(&**node.subsection()?));
    }
    if *node.is_vmdescription()? {
        let header = node.vmdescription()?;
        return Ok(object(&[
            ("section_type", number(&*header.section_type())),
            ("vmdesc_len", header.len_json().to_string()),
        ]));
    }
    if *node.is_end()? {
        let header = node.end_of_stream()?;
        return Ok(object(&[("section_type", number(&*header.section_type()))]));
    }
    if *node.is_part()? {
        let header = node.part()?;
        return Ok(object(&[
            ("section_type", number(&*header.section_type())),
            ("section_id", header.section_id().to_string()),
        ]));
    }
    if *node.is_command()? {
        let header = node.command()?;
        return Ok(object(&[
            ("section_type", number(&*header.section_type())),
            ("command", number(&*header.command())),
            ("len_data", header.len_data().to_string()),
            ("data", hex(&header.data())),
        ]));
    }
    let header = node.start()?;
    let shown = object(&[
        ("section_type", number(&*header.section_type())),
        ("section_id", header.section_id().to_string()),
        ("len_idstr", header.len_idstr().to_string()),
        ("idstr", text(&header.idstr())),
        ("instance_id", header.instance_id().to_string()),
        ("version_id", header.version_id().to_string()),
    ]);
    Ok(shown)
}

fn records(node: &MappedRam_StreamSection) -> KResult<String> {
    let ram = node.ram()?;
    let mut shown = Vec::new();
    for entry in ram.records()?.iter() {
        if !*entry.is_page()? {
            shown.push(record(entry)?);
        }
    }
    Ok(array(shown))
}

fn record(node: &MappedRam_RamRecord) -> KResult<String> {
    let offset = ("offset", node.ofs_self().to_string());
    if !*node.is_mem_size()? {
        let end = node.end_of_section()?;
        let shown = object(&[
            ("number_high", end.number_high().to_string()),
            ("number_low", end.number_low().to_string()),
            ("flag", end.flag().to_string()),
        ]);
        return Ok(object(&[offset, ("end_of_section", shown)]));
    }
    let size = node.mem_size()?;
    let shown = object(&[
        ("total_high", size.total_high().to_string()),
        ("total_low", size.total_low().to_string()),
        ("flag", number(&*size.flag())),
    ]);
    let blocks = if *node.has_blocks()? {
        node.blocks()?.iter().map(|one| block(one)).collect::<KResult<_>>()?
    } else {
        Vec::new()
    };
    Ok(object(&[offset, ("mem_size", shown), ("blocks", array(blocks))]))
}

fn block(node: &MappedRam_Ramblock) -> KResult<String> {
    let header = node.header()?;
    let page_size = header.has_page_size().then(|| header.page_size().to_string());
    let addr = header.has_addr().then(|| header.addr().to_string());
    let mapped = header.has_mapped_ram().then(|| {
        let found = header.mapped_ram();
        let shown = object(&[
            ("version", found.version().to_string()),
            ("page_size", found.page_size().to_string()),
            ("bitmap_offset", found.ofs_bitmap().to_string()),
            ("pages_offset", found.ofs_pages().to_string()),
        ]);
        shown
    });
    let bitmap = if bitmap_is_here(node)? { Some(hex(&node.bitmap()?)) } else { None };
    let shown = object(&[
        ("offset", node.ofs_self().to_string()),
        (
            "header",
            object(&[
                ("len_idstr", header.len_idstr().to_string()),
                ("idstr", text(&header.idstr())),
                ("used_length", header.len_used().to_string()),
                ("page_size", or_null(page_size)),
                ("addr", or_null(addr)),
                ("mapped_ram", or_null(mapped)),
            ]),
        ),
        ("num_pages", node.num_pages()?.to_string()),
        ("bitmap", or_null(bitmap)),
        ("next", node.ofs_next()?.to_string()),
    ]);
    Ok(shown)
}

fn bitmap_is_here(node: &MappedRam_Ramblock) -> KResult<bool> {
    let size = node._io().size() as u64;
    let length = *node.len_bitmap()?;
    Ok(*node.has_data()?
        && length <= size.min(BITMAP_MAX)
        && *node.header()?.mapped_ram().ofs_bitmap() <= size - length)
}

fn reading(path: &str, offset: usize) -> String {
    let refused = ("verdict", text("refused"));
    match read(path, offset) {
        Ok(shown) => shown,
        Err(KError::ValidationFailed(error)) => {
            object(&[refused, ("why", text("value")), ("field", text(&error.src_path))])
        }
        Err(KError::Short(place)) => {
            object(&[refused, ("why", text("short")), ("offset", place.to_string())])
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn read(path: &str, offset: usize) -> KResult<String> {
    let stream = BytesReader::open(path)?;
    stream.seek(offset)?;
    let root: OptRc<MappedRam> = KStructUnit::read_into(&stream, None, None)?;
    accepted(&root)
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (offset, path) = line.split_once(' ').expect("OFFSET PATH");
        println!("{}", reading(path, offset.parse().expect("an offset")));
    }
}
