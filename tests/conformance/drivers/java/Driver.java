import io.kaitai.struct.KaitaiStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import mappedram.Configuration;
import mappedram.MappedRam;
import mappedram.Ram;
import mappedram.Section;

/** Reads "OFFSET PATH" lines from standard input, prints the reading of each file as JSON. */
public final class Driver {
    private static final long BITMAP_MAX = 1 << 20;

    public static void main(String[] arguments) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            int space = line.indexOf(' ');
            output.println(reading(line.substring(space + 1), Long.parseLong(line.substring(0, space))));
        }
    }

    private static String reading(String path, long offset) throws IOException {
        try (WindowStream stream = new WindowStream(new RandomAccessFile(path, "r"))) {
            stream.seek(offset);
            return accepted(new MappedRam(stream));
        } catch (WindowStream.ShortException error) {
            return object("verdict", text("refused"), "why", text("short"), "offset", error.offset);
        } catch (KaitaiStream.ValidationFailedError error) {
            return object(
                    "verdict", text("refused"), "why", text("value"), "field", text(place(error)));
        }
    }

    /** The runtime does not publish the place in the spec, but begins the message with it. */
    private static String place(KaitaiStream.ValidationFailedError error) {
        String message = error.getMessage();
        return message.substring(0, message.indexOf(": "));
    }

    private static String accepted(MappedRam root) {
        return object(
                "verdict", text("accepted"),
                "header", object(
                        "magic", hex(root.header().magic()),
                        "version", root.header().version()),
                "sections", array(root.sections(), Driver::section),
                "rest", root.ofsRest());
    }

    private static String subsection(Configuration.ConfigurationSubsection node) {
        return object(
                "section_type", node.sectionType().id(),
                "len_idstr", node.lenIdstr(),
                "idstr", text(node.idstr()),
                "version_id", node.versionId(),
                "body", body(node.body()));
    }

    private static String body(Object node) {
        if (node instanceof Configuration.Capabilities capabilities) {
            return object(
                    "caps_count", capabilities.numCapabilities(),
                    "capabilities", array(capabilities.capabilities(), entry -> object(
                            "len_name", entry.lenName(), "name", text(entry.name()))));
        }
        if (node instanceof Configuration.Uuid uuid) {
            return object("uuid", hex(uuid.uuid()));
        }
        return object(
                "target_page_bits", ((Configuration.TargetPageBits) node).targetPageBits());
    }

    private static String section(MappedRam.StreamSection node) {
        return object(
                "offset", node.ofsSelf(),
                "header", sectionHeader(node),
                "payload", node.isFollowed()
                        ? List.of(node.ofsPayload(), node.ofsPayloadEnd() - node.ofsPayload())
                        : null,
                "records", node.isRam() ? records(node.ram()) : null,
                "footer", node.hasFooter() ? object(
                        "section_type", node.footer().sectionType().id(),
                        "section_id", node.footer().sectionId()) : null);
    }

    private static String records(MappedRam.RamPayload node) {
        return array(node.records().stream().filter(entry -> !entry.isPage()).toList(), Driver::record);
    }

    private static String sectionHeader(MappedRam.StreamSection node) {
        if (node.isConfiguration()) {
            Configuration.ConfigurationHeader header = node.configuration();
            return object(
                    "section_type", header.sectionType().id(),
                    "len_name", header.lenName(),
                    "name", text(header.name()));
        }
        if (node.isSubsection()) {
            return subsection(node.subsection());
        }
        if (node.isVmdescription()) {
            Section.Vmdescription header = node.vmdescription();
            return object(
                    "section_type", header.sectionType().id(), "vmdesc_len", header.lenJson());
        }
        if (node.isEnd()) {
            return object("section_type", node.endOfStream().sectionType().id());
        }
        if (node.isPart()) {
            return object(
                    "section_type", node.part().sectionType().id(),
                    "section_id", node.part().sectionId());
        }
        if (node.isCommand()) {
            Section.Command command = node.command();
            return object(
                    "section_type", command.sectionType().id(),
                    "command", command.command() == null ? null : command.command().id(),
                    "len_data", command.lenData(),
                    "data", hex(command.data()));
        }
        Section.SectionStart start = node.start();
        return object(
                "section_type", start.sectionType().id(),
                "section_id", start.sectionId(),
                "len_idstr", start.lenIdstr(),
                "idstr", text(start.idstr()),
                "instance_id", start.instanceId(),
                "version_id", start.versionId());
    }

    private static String record(MappedRam.RamRecord node) {
        if (!node.isMemSize()) {
            Ram.EndOfSection end = node.endOfSection();
            return object(
                    "offset", node.ofsSelf(),
                    "end_of_section", object(
                            "number_high", end.numberHigh(),
                            "number_low", end.numberLow(),
                            "flag", end.flag()));
        }
        Ram.MemSize memSize = node.memSize();
        return object(
                "offset", node.ofsSelf(),
                "mem_size", object(
                        "total_high", memSize.totalHigh(),
                        "total_low", memSize.totalLow(),
                        "flag", memSize.flag().id()),
                "blocks", array(node.hasBlocks() ? node.blocks() : List.of(), Driver::block));
    }

    private static String block(MappedRam.Ramblock node) {
        Ram.RamblockHeader header = node.header();
        Ram.MappedRamHeader mapped = header.mappedRam();
        return object(
                "offset", node.ofsSelf(),
                "header", object(
                        "len_idstr", header.lenIdstr(),
                        "idstr", text(header.idstr()),
                        "used_length", unsigned(header.lenUsed()),
                        "page_size", unsigned(header.pageSize()),
                        "addr", unsigned(header.addr()),
                        "mapped_ram", mapped == null ? null : object(
                                "version", mapped.version(),
                                "page_size", unsigned(mapped.pageSize()),
                                "bitmap_offset", unsigned(mapped.ofsBitmap()),
                                "pages_offset", unsigned(mapped.ofsPages()))),
                "num_pages", unsigned(node.numPages()),
                "bitmap", bitmapIsHere(node) ? hex(node.bitmap()) : null,
                "next", node.ofsNext());
    }

    private static boolean bitmapIsHere(MappedRam.Ramblock node) {
        long size = node._io().size();
        long length = node.lenBitmap();
        return node.hasData()
                && length <= Math.min(size, BITMAP_MAX)
                && Long.compareUnsigned(node.header().mappedRam().ofsBitmap(), size - length) <= 0;
    }

    private static String object(Object... namesAndValues) {
        StringBuilder json = new StringBuilder("{");
        for (int index = 0; index < namesAndValues.length; index += 2) {
            json.append(index == 0 ? "" : ",").append(text((String) namesAndValues[index]));
            json.append(':').append(namesAndValues[index + 1]);
        }
        return json.append('}').toString();
    }

    private static <T> String array(List<T> members, Function<T, String> shown) {
        return members.stream().map(shown).collect(Collectors.joining(",", "[", "]"));
    }

    private static String text(String value) {
        StringBuilder json = new StringBuilder("\"");
        for (char letter : value.toCharArray()) {
            boolean plain = letter >= ' ' && letter != '"' && letter != '\\';
            json.append(plain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
        }
        return json.append('"').toString();
    }

    private static String hex(byte[] bytes) {
        return text(HexFormat.of().formatHex(bytes));
    }

    private static String unsigned(Long value) {
        return value == null ? null : Long.toUnsignedString(value);
    }
}
