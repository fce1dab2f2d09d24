// Reads "OFFSET PATH" lines from standard input, prints the reading of each file as JSON.

#include <cstdio>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "mapped_ram.h"

namespace mappedram {
namespace {

constexpr uint64_t BITMAP_MAX = 1 << 20;
const std::string NOTHING = "null";

using fields = std::vector<std::pair<std::string, std::string>>;

std::string number(uint64_t value) { return std::to_string(value); }

std::string text(const std::string& value) {
    std::string json = "\"";
    for (const char letter : value) {
        const unsigned char code = static_cast<unsigned char>(letter);
        if (code >= ' ' && letter != '"' && letter != '\\') {
            json += letter;
        } else {
            char escaped[7];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", code);
            json += escaped;
        }
    }
    return json + "\"";
}

std::string hex(const std::string& bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string shown;
    for (const char letter : bytes) {
        const unsigned char code = static_cast<unsigned char>(letter);
        shown += digits[code >> 4];
        shown += digits[code & 15];
    }
    return text(shown);
}

std::string object(const fields& members) {
    std::string json;
    for (const auto& member : members) {
        json += (json.empty() ? "{" : ",") + text(member.first) + ":" + member.second;
    }
    return json + "}";
}

template <typename T>
std::string array(const std::vector<std::unique_ptr<T>>& members, std::string (*shown)(T&)) {
    std::string json = "[";
    for (const auto& member : members) json += (json.size() > 1 ? "," : "") + shown(*member);
    return json + "]";
}

std::string capability(configuration_t::capability_t& node) {
    return object({{"len_name", number(node.len_name())}, {"name", text(node.name())}});
}

std::string body(kaitai::kstruct* node) {
    if (auto* found = dynamic_cast<configuration_t::capabilities_t*>(node)) {
        return object({{"caps_count", number(found->num_capabilities())},
                       {"capabilities", array(*found->capabilities(), capability)}});
    }
    if (auto* found = dynamic_cast<configuration_t::uuid_t*>(node)) {
        return object({{"uuid", hex(found->uuid())}});
    }
    auto& bits = dynamic_cast<configuration_t::target_page_bits_t&>(*node);
    return object({{"target_page_bits", number(bits.target_page_bits())}});
}

std::string subsection(configuration_t::configuration_subsection_t& node) {
    return object({{"section_type", number(node.section_type())},
                   {"len_idstr", number(node.len_idstr())},
                   {"idstr", text(node.idstr())},
                   {"version_id", number(node.version_id())},
                   {"body", body(node.body())}});
}

bool bitmap_is_here(mapped_ram_t::ramblock_t& node) {
    const uint64_t size = node._io()->size(), length = node.len_bitmap();
    return node.has_data() && length <= std::min(size, BITMAP_MAX) &&
           node.header()->mapped_ram()->ofs_bitmap() <= size - length;
}

std::string block(mapped_ram_t::ramblock_t& node) {
    auto& header = *node.header();
    std::string mapped = NOTHING;
    if (header.has_mapped_ram()) {
        auto& found = *header.mapped_ram();
        mapped = object({{"version", number(found.version())},
                         {"page_size", number(found.page_size())},
                         {"bitmap_offset", number(found.ofs_bitmap())},
                         {"pages_offset", number(found.ofs_pages())}});
    }
    return object(
        {{"offset", number(node.ofs_self())},
         {"header",
          object({{"len_idstr", number(header.len_idstr())},
                  {"idstr", text(header.idstr())},
                  {"used_length", number(header.len_used())},
                  {"page_size", header.has_page_size() ? number(header.page_size()) : NOTHING},
                  {"addr", header.has_addr() ? number(header.addr()) : NOTHING},
                  {"mapped_ram", mapped}})},
         {"num_pages", number(node.num_pages())},
         {"bitmap", bitmap_is_here(node) ? hex(node.bitmap()) : NOTHING},
         {"next", number(node.ofs_next())}});
}

std::string record(mapped_ram_t::ram_record_t& node) {
    const auto offset = std::make_pair("offset", number(node.ofs_self()));
    if (!node.is_mem_size()) {
        auto& end = *node.end_of_section();
        return object({offset,
                       {"end_of_section", object({{"number_high", number(end.number_high())},
                                                  {"number_low", number(end.number_low())},
                                                  {"flag", number(end.flag())}})}});
    }
    auto& size = *node.mem_size();
    return object({offset,
                   {"mem_size", object({{"total_high", number(size.total_high())},
                                        {"total_low", number(size.total_low())},
                                        {"flag", number(size.flag())}})},
                   {"blocks", node.has_blocks() ? array(*node.blocks(), block) : "[]"}});
}

std::string section_header(mapped_ram_t::stream_section_t& node) {
    if (node.is_configuration()) {
        auto& header = *node.configuration();
        return object({{"section_type", number(header.section_type())},
                       {"len_name", number(header.len_name())},
                       {"name", text(header.name())}});
    }
    if (node.is_subsection()) return subsection(*node.subsection());
    if (node.is_vmdescription()) {
        auto& header = *node.vmdescription();
        return object({{"section_type", number(header.section_type())},
                       {"vmdesc_len", number(header.len_json())}});
    }
    if (node.is_end()) {
        return object({{"section_type", number(node.end_of_stream()->section_type())}});
    }
    if (node.is_part()) {
        return object({{"section_type", number(node.part()->section_type())},
                       {"section_id", number(node.part()->section_id())}});
    }
    if (node.is_command()) {
        auto& command = *node.command();
        return object({{"section_type", number(command.section_type())},
                       {"command", number(command.command())},
                       {"len_data", number(command.len_data())},
                       {"data", hex(command.data())}});
    }
    auto& start = *node.start();
    return object({{"section_type", number(start.section_type())},
                   {"section_id", number(start.section_id())},
                   {"len_idstr", number(start.len_idstr())},
                   {"idstr", text(start.idstr())},
                   {"instance_id", number(start.instance_id())},
                   {"version_id", number(start.version_id())}});
}

std::string records(mapped_ram_t::ram_payload_t& node) {
    std::string json = "[";
    for (const auto& entry : *node.records()) {
        if (!entry->is_page()) json += (json.size() > 1 ? "," : "") + record(*entry);
    }
    return json + "]";
}

std::string section(mapped_ram_t::stream_section_t& node) {
    std::string footer = NOTHING, payload = NOTHING;
    if (node.is_followed()) {
        const uint64_t start = node.ofs_payload(), end = node.ofs_payload_end();
        payload = "[" + number(start) + "," + number(end - start) + "]";
    }
    if (node.has_footer()) {
        footer = object({{"section_type", number(node.footer()->section_type())},
                         {"section_id", number(node.footer()->section_id())}});
    }
    return object({{"offset", number(node.ofs_self())},
                   {"header", section_header(node)},
                   {"payload", payload},
                   {"records", node.is_ram() ? records(*node.ram()) : NOTHING},
                   {"footer", footer}});
}

std::string accepted(mapped_ram_t& root) {
    auto& header = *root.header();
    return object(
        {{"verdict", text("accepted")},
         {"header",
          object({{"magic", hex(header.magic())}, {"version", number(header.version())}})},
         {"sections", array(*root.sections(), section)},
         {"rest", number(root.ofs_rest())}});
}

std::string reading(const std::string& path, uint64_t offset) {
    const auto refused = std::make_pair("verdict", text("refused"));
    try {
        kaitai::kstream stream(path);
        stream.seek(offset);
        mapped_ram_t root(&stream);
        return accepted(root);
    } catch (const kaitai::validation_failed_error& error) {
        return object({refused, {"why", text("value")}, {"field", text(error.src_path)}});
    } catch (const kaitai::short_error& error) {
        return object({refused, {"why", text("short")}, {"offset", number(error.offset)}});
    }
}

}  // namespace
}  // namespace mappedram

int main() {
    uint64_t offset;
    std::string path;
    while (std::cin >> offset && std::getline(std::cin >> std::ws, path)) {
        std::cout << mappedram::reading(path, offset) << std::endl;
    }
}
