// Reads "OFFSET PATH" lines from standard input, prints the reading of each file as JSON.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"conformance/mappedram"

	"github.com/kaitai-io/kaitai_struct_go_runtime/kaitai"
)

const bitmapMax = 1 << 20

type object map[string]any

// must returns the value of an instance; an error ends the reading in reading().
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func reading(path string, offset int64) (result object, err error) {
	window, err := NewWindow(path)
	if err != nil {
		return nil, err
	}
	defer window.Close()
	defer func() {
		if refused, ok := recover().(error); ok {
			result, err = refusal(refused, window)
		}
	}()
	must(window.Seek(offset, io.SeekStart))
	root := mappedram.NewMappedRam()
	must(root, root.Read(kaitai.NewStream(window), nil, root))
	return accepted(root, window.Size()), nil
}

func refusal(err error, window *Window) (object, error) {
	var value interface{ SrcPath() string }
	if errors.As(err, &value) {
		return object{"verdict": "refused", "why": "value", "field": value.SrcPath()}, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return object{"verdict": "refused", "why": "short", "offset": window.ShortAt}, nil
	}
	return nil, err
}

func accepted(root *mappedram.MappedRam, size int64) object {
	sections := []object{}
	for _, entry := range root.Sections {
		sections = append(sections, section(entry, uint64(size)))
	}
	return object{
		"verdict": "accepted",
		"header": object{
			"magic":   hex.EncodeToString(root.Header.Magic),
			"version": root.Header.Version,
		},
		"sections": sections,
		"rest":     must(root.OfsRest()),
	}
}

func subsection(node *mappedram.Configuration_ConfigurationSubsection) object {
	return object{
		"section_type": node.SectionType,
		"len_idstr":    node.LenIdstr,
		"idstr":        node.Idstr,
		"version_id":   node.VersionId,
		"body":         body(node.Body),
	}
}

func body(node kaitai.Struct) object {
	switch node := node.(type) {
	case *mappedram.Configuration_Capabilities:
		names := []object{}
		for _, entry := range node.Capabilities {
			names = append(names, object{"len_name": entry.LenName, "name": entry.Name})
		}
		return object{"caps_count": node.NumCapabilities, "capabilities": names}
	case *mappedram.Configuration_Uuid:
		return object{"uuid": hex.EncodeToString(node.Uuid)}
	default:
		bits := node.(*mappedram.Configuration_TargetPageBits)
		return object{"target_page_bits": bits.TargetPageBits}
	}
}

func section(node *mappedram.MappedRam_StreamSection, size uint64) object {
	var payload, records, footer any
	if must(node.IsFollowed()) {
		start := must(node.OfsPayload())
		payload = []uint64{start, must(node.OfsPayloadEnd()) - start}
	}
	if must(node.IsRam()) {
		entries := []object{}
		for _, entry := range must(must(node.Ram()).Records()) {
			if !must(entry.IsPage()) {
				entries = append(entries, record(entry, size))
			}
		}
		records = entries
	}
	if must(node.HasFooter()) {
		found := must(node.Footer())
		footer = object{"section_type": found.SectionType, "section_id": found.SectionId}
	}
	return object{
		"offset":  node.OfsSelf,
		"header":  sectionHeader(node),
		"payload": payload,
		"records": records,
		"footer":  footer,
	}
}

func sectionHeader(node *mappedram.MappedRam_StreamSection) object {
	if must(node.IsConfiguration()) {
		header := must(node.Configuration())
		return object{
			"section_type": header.SectionType,
			"len_name":     header.LenName,
			"name":         header.Name,
		}
	}
	if must(node.IsSubsection()) {
		return subsection(must(node.Subsection()))
	}
	if must(node.IsVmdescription()) {
		header := must(node.Vmdescription())
		return object{"section_type": header.SectionType, "vmdesc_len": header.LenJson}
	}
	if must(node.IsEnd()) {
		return object{"section_type": must(node.EndOfStream()).SectionType}
	}
	if must(node.IsPart()) {
		part := must(node.Part())
		return object{"section_type": part.SectionType, "section_id": part.SectionId}
	}
	if must(node.IsCommand()) {
		command := must(node.Command())
		return object{
			"section_type": command.SectionType,
			"command":      command.Command,
			"len_data":     command.LenData,
			"data":         hex.EncodeToString(command.Data),
		}
	}
	start := must(node.Start())
	return object{
		"section_type": start.SectionType,
		"section_id":   start.SectionId,
		"len_idstr":    start.LenIdstr,
		"idstr":        start.Idstr,
		"instance_id":  start.InstanceId,
		"version_id":   start.VersionId,
	}
}

func record(node *mappedram.MappedRam_RamRecord, size uint64) object {
	if !must(node.IsMemSize()) {
		end := must(node.EndOfSection())
		return object{
			"offset": node.OfsSelf,
			"end_of_section": object{
				"number_high": end.NumberHigh,
				"number_low":  end.NumberLow,
				"flag":        end.Flag,
			},
		}
	}
	blocks := []object{}
	for _, entry := range must(node.Blocks()) {
		blocks = append(blocks, block(entry, size))
	}
	memSize := must(node.MemSize())
	return object{
		"offset": node.OfsSelf,
		"mem_size": object{
			"total_high": memSize.TotalHigh,
			"total_low":  memSize.TotalLow,
			"flag":       memSize.Flag,
		},
		"blocks": blocks,
	}
}

func block(node *mappedram.MappedRam_Ramblock, size uint64) object {
	header := must(node.Header())
	var pageSize, addr, mapped, bitmap any
	if header.HasPageSize {
		pageSize = header.PageSize
	}
	if header.HasAddr {
		addr = header.Addr
	}
	if header.HasMappedRam {
		mapped = object{
			"version":       header.MappedRam.Version,
			"page_size":     header.MappedRam.PageSize,
			"bitmap_offset": header.MappedRam.OfsBitmap,
			"pages_offset":  header.MappedRam.OfsPages,
		}
	}
	length := must(node.LenBitmap())
	if must(node.HasData()) && length <= min(size, bitmapMax) &&
		header.MappedRam.OfsBitmap <= size-length {
		bitmap = hex.EncodeToString(must(node.Bitmap()))
	}
	return object{
		"offset": node.OfsSelf,
		"header": object{
			"len_idstr":   header.LenIdstr,
			"idstr":       header.Idstr,
			"used_length": header.LenUsed,
			"page_size":   pageSize,
			"addr":        addr,
			"mapped_ram":  mapped,
		},
		"num_pages": must(node.NumPages()),
		"bitmap":    bitmap,
		"next":      must(node.OfsNext()),
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var offset int64
		var path string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &offset, &path); err != nil {
			panic(err)
		}
		if err := output.Encode(must(reading(path, offset))); err != nil {
			panic(err)
		}
	}
}
