import io.kaitai.struct.RandomAccessFileKaitaiStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of any size as a stream, read through a small window.
 *
 * <p>The pos() of the official runtime is an int. A parser uses it to return to a place, so this
 * class represents places from 2 GiB on by negative numbers.
 */
public final class WindowStream extends RandomAccessFileKaitaiStream {
    private static final int WINDOW = 1 << 16;

    private final long size;
    private final List<Long> farPlaces = new ArrayList<>();
    private byte[] window = new byte[0];
    private long start;
    private long position;

    public WindowStream(RandomAccessFile file) throws IOException {
        super(file);
        size = file.length();
    }

    /** The file ends within a read. */
    public static final class ShortException extends RuntimeException {
        public final long offset;

        ShortException(long offset) {
            super("the file ends within what is read at " + offset);
            this.offset = offset;
        }
    }

    @Override
    public boolean isEof() {
        return position >= size;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public int pos() {
        if (position <= Integer.MAX_VALUE) {
            return (int) position;
        }
        farPlaces.add(position);
        return -farPlaces.size();
    }

    @Override
    public void seek(int place) {
        seek((long) place);
    }

    @Override
    public void seek(long place) {
        alignToByte();
        position = place >= 0 ? place : farPlaces.get((int) (-place - 1));
    }

    @Override
    public int readU1() {
        return take(1).get() & 0xff;
    }

    @Override
    public int readU2be() {
        return take(2).getShort() & 0xffff;
    }

    @Override
    public long readU4be() {
        return take(4).getInt() & 0xffffffffL;
    }

    @Override
    public long readU4le() {
        return Integer.reverseBytes(take(4).getInt()) & 0xffffffffL;
    }

    @Override
    public long readU8be() {
        return take(8).getLong();
    }

    @Override
    protected byte[] readBytesNotAligned(long length) {
        byte[] bytes = new byte[Math.toIntExact(length)];
        take(bytes.length).get(bytes);
        return bytes;
    }

    private ByteBuffer take(int length) {
        if (length > size - position) {
            throw new ShortException(position);
        }
        if (position < start || position - start + length > window.length) {
            window = new byte[(int) Math.min(Math.max(length, WINDOW), size - position)];
            start = position;
            try {
                raf.seek(start);
                raf.readFully(window);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
        ByteBuffer taken = ByteBuffer.wrap(window, (int) (position - start), length);
        position += length;
        return taken;
    }
}
