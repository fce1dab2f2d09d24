// A stream over a file, read through a small window.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace kaitai {

// The file ends within a read at `offset`.
class short_error : public std::runtime_error {
public:
    explicit short_error(uint64_t place)
        : std::runtime_error("the file ends within what is read"), offset(place) {}
    const uint64_t offset;
};

class kstream {
public:
    explicit kstream(const std::string& path) : m_fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        struct stat status;
        if (m_fd < 0 || fstat(m_fd, &status) < 0) throw std::runtime_error("cannot open " + path);
        m_size = static_cast<uint64_t>(status.st_size);
    }
    ~kstream() { close(m_fd); }
    kstream(const kstream&) = delete;
    kstream& operator=(const kstream&) = delete;

    bool is_eof() const { return m_pos >= m_size; }
    uint64_t pos() const { return m_pos; }
    uint64_t size() const { return m_size; }
    void seek(uint64_t place) {
        align_to_byte();
        m_pos = place;
    }

    uint8_t read_u1() { return static_cast<uint8_t>(number(1)); }
    uint16_t read_u2be() { return static_cast<uint16_t>(number(2)); }
    uint32_t read_u4be() { return static_cast<uint32_t>(number(4)); }
    uint32_t read_u4le() { return __builtin_bswap32(read_u4be()); }
    uint64_t read_u8be() { return number(8); }

    void align_to_byte() { m_bits_left = 0; }

    // The most significant bits come first; the rest of the last byte is kept for the next call.
    uint64_t read_bits_int_be(int count) {
        uint64_t value = 0;
        for (int missing = count; missing > 0;) {
            if (m_bits_left == 0) {
                // Read all missing bytes at once: a short file then fails at the first one.
                m_bits = read_bytes(static_cast<uint64_t>((missing + 7) / 8));
                m_bits_left = static_cast<int>(m_bits.size() * 8);
            }
            const int bit = static_cast<int>(m_bits.size() * 8) - m_bits_left;
            const unsigned char byte = static_cast<unsigned char>(m_bits[static_cast<std::size_t>(bit / 8)]);
            value = value << 1 | (byte >> (7 - bit % 8) & 1);
            --m_bits_left;
            --missing;
        }
        return value;
    }

    std::string read_bytes(uint64_t length) {
        if (m_pos > m_size || length > m_size - m_pos) throw short_error(m_pos);
        if (m_pos < m_start || m_pos - m_start + length > m_window.size()) {
            const uint64_t window = 1 << 16;
            m_window = fetch(m_pos, std::min(std::max(length, window), m_size - m_pos));
            m_start = m_pos;
        }
        m_pos += length;
        return m_window.substr(m_pos - length - m_start, length);
    }

    static std::string bytes_terminate(const std::string& bytes, char end, bool with_end) {
        const std::size_t found = bytes.find(end);
        return found == std::string::npos ? bytes : bytes.substr(0, found + (with_end ? 1 : 0));
    }

    static std::string bytes_strip_right(std::string bytes, char pad) {
        const std::size_t last = bytes.find_last_not_of(pad);
        bytes.resize(last == std::string::npos ? 0 : last + 1);
        return bytes;
    }

    // As UTF-8. The spec knows two encodings: ISO-8859-1, and UTF-8 for the XML of libvirt.
    static std::string bytes_to_str(const std::string& bytes, const char* encoding) {
        if (std::string(encoding) == "UTF-8") return bytes;
        std::string text;
        for (const char letter : bytes) {
            const unsigned char code = static_cast<unsigned char>(letter);
            if (code < 0x80) {
                text += letter;
            } else {
                text += static_cast<char>(0xc0 | code >> 6);
                text += static_cast<char>(0x80 | (code & 0x3f));
            }
        }
        return text;
    }

private:
    uint64_t number(unsigned length) {
        uint64_t value = 0;
        for (const char byte : read_bytes(length)) value = value << 8 | static_cast<uint8_t>(byte);
        return value;
    }

    std::string fetch(uint64_t place, uint64_t length) const {
        std::string bytes(length, '\0');
        for (uint64_t done = 0; done < length;) {
            const ssize_t got =
                pread(m_fd, &bytes[done], length - done, static_cast<off_t>(place + done));
            if (got <= 0) throw std::runtime_error("the file cannot be read");
            done += static_cast<uint64_t>(got);
        }
        return bytes;
    }

    int m_fd;
    uint64_t m_size = 0;
    uint64_t m_pos = 0;
    uint64_t m_start = 0;
    int m_bits_left = 0;
    std::string m_bits;
    std::string m_window;
};

}  // namespace kaitai
