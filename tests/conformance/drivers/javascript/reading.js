"use strict";
// The reading of a file, in the form that all drivers print. Runs in Node and in browsers.

require("./latin1");
require("./places");
const { WindowStream, ShortError, UnrepresentableError } = require("./window_stream");
const { MappedRam } = require("./parser/MappedRam");

const BITMAP_MAX = 1 << 20;
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The reading of a source (see window_stream.js) whose stream begins at an offset. */
function reading(source, offset) {
  try {
    const stream = new WindowStream(source);
    stream.seek(offset);
    return accepted(new MappedRam(stream));
  } catch (error) {
    return { verdict: "refused", ...refusal(error) };
  }
}

function refusal(error) {
  if (error instanceof UnrepresentableError) return { why: "unrepresentable" };
  if (error instanceof ShortError) return { why: "short", offset: error.offset };
  if (error.srcPath) return { why: "value", field: error.srcPath };
  throw error;
}

const accepted = (root) => ({
  verdict: "accepted",
  header: { magic: hex(root.header.magic), version: root.header.version },
  sections: root.sections.map(section),
  rest: root.ofsRest,
});

const subsection = (node) => ({
  section_type: node.sectionType,
  len_idstr: node.lenIdstr,
  idstr: node.idstr,
  version_id: node.versionId,
  body: body(node),
});

function body({ isCapabilities, idstr, body }) {
  if (isCapabilities) {
    return {
      caps_count: body.numCapabilities,
      capabilities: body.capabilities.map(({ lenName, name }) => ({ len_name: lenName, name })),
    };
  }
  if (idstr === "configuration/uuid") return { uuid: hex(body.uuid) };
  return { target_page_bits: body.targetPageBits };
}

const section = (node) => ({
  offset: node.ofsSelf,
  header: sectionHeader(node),
  payload: node.isFollowed ? [node.ofsPayload, node.ofsPayloadEnd - node.ofsPayload] : null,
  records: node.isRam ? node.ram.records.filter(({ isPage }) => !isPage).map(record) : null,
  footer: node.hasFooter
    ? { section_type: node.footer.sectionType, section_id: node.footer.sectionId }
    : null,
});

function sectionHeader(node) {
  if (node.isConfiguration) {
    const { sectionType, lenName, name } = node.configuration;
    return { section_type: sectionType, len_name: lenName, name };
  }
  if (node.isSubsection) return subsection(node.subsection);
  if (node.isVmdescription) {
    return { section_type: node.vmdescription.sectionType, vmdesc_len: node.vmdescription.lenJson };
  }
  if (node.isEnd) return { section_type: node.endOfStream.sectionType };
  if (node.isPart) {
    return { section_type: node.part.sectionType, section_id: node.part.sectionId };
  }
  if (node.isCommand) {
    const { sectionType, command, lenData, data } = node.command;
    return { section_type: sectionType, command, len_data: lenData, data: hex(data) };
  }
  const { sectionType, sectionId, lenIdstr, idstr, instanceId, versionId } = node.start;
  return {
    section_type: sectionType,
    section_id: sectionId,
    len_idstr: lenIdstr,
    idstr,
    instance_id: instanceId,
    version_id: versionId,
  };
}

function record(node) {
  if (!node.isMemSize) {
    const { numberHigh, numberLow, flag } = node.endOfSection;
    return {
      offset: node.ofsSelf,
      end_of_section: { number_high: numberHigh, number_low: numberLow, flag },
    };
  }
  const { totalHigh, totalLow, flag } = node.memSize;
  return {
    offset: node.ofsSelf,
    mem_size: { total_high: totalHigh, total_low: totalLow, flag },
    blocks: node.hasBlocks ? node.blocks.map(block) : [],
  };
}

function block(node) {
  const header = node.header;
  const mapped = header.mappedRam;
  return {
    offset: node.ofsSelf,
    header: {
      len_idstr: header.lenIdstr,
      idstr: header.idstr,
      used_length: header.lenUsed,
      page_size: header.hasPageSize ? header.pageSize : null,
      addr: header.hasAddr ? header.addr : null,
      mapped_ram: header.hasMappedRam
        ? {
            version: mapped.version,
            page_size: mapped.pageSize,
            bitmap_offset: mapped.ofsBitmap,
            pages_offset: mapped.ofsPages,
          }
        : null,
    },
    num_pages: node.numPages,
    bitmap: bitmapIsHere(node) ? hex(node.bitmap) : null,
    next: node.ofsNext,
  };
}

function bitmapIsHere(node) {
  const size = node._io.size;
  return (
    node.hasData &&
    node.lenBitmap <= Math.min(size, BITMAP_MAX) &&
    node.header.mappedRam.ofsBitmap <= size - node.lenBitmap
  );
}

module.exports = { reading };
