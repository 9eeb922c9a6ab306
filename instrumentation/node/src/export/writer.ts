/** Protocol Buffers, as far as OTLP needs them: a buffer that grows and is used again. */

const INITIAL_BYTES = 64 * 1024;
/** Up to here a loop over the characters is faster than the call into the runtime. */
const SHORT_TEXT = 24;

export class Writer {
  private buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  private position = 0;

  reset(): void {
    this.position = 0;
  }

  /** A copy of what was written. */
  bytes(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.position));
  }

  /** A field number with its wire type, both below 16 and 8: one byte. */
  tag(field: number, wireType: number): void {
    this.reserve(1);
    const tag = (field << 3) | wireType;
    if (tag < 0x80) this.buffer[this.position++] = tag;
    else this.varint(tag);
  }

  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.buffer[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.position++] = rest;
  }

  /** A 64-bit integer in the form negative ones have too. */
  signedVarint(value: number): void {
    if (value >= 0) this.varint(value);
    else this.bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  private bigVarint(value: bigint): void {
    this.reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.buffer[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  double(value: number): void {
    this.reserve(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.position = this.buffer.writeUInt32LE(value >>> 0, this.position);
  }

  /** Seconds and nanoseconds since 1970 as nanoseconds, without a bigint. */
  nanoseconds(seconds: number, nanos: number): void {
    // 1e9 is 2^9 * 1,953,125, and seconds * 1,953,125 is exact: its upper bits are the upper word.
    const product = seconds * 1_953_125;
    let low = (product % 0x80_0000) * 512 + nanos;
    let high = Math.floor(product / 0x80_0000);
    if (low >= 0x1_0000_0000) {
      low -= 0x1_0000_0000;
      high += 1;
    }
    this.fixed32(low);
    this.fixed32(high);
  }

  /** An identifier of hexadecimal digits, with its length. */
  hex(text: string): void {
    const length = text.length >> 1;
    this.varint(length);
    this.reserve(length);
    for (let index = 0; index < text.length; index += 2) {
      this.buffer[this.position++] =
        (hexDigit(text.charCodeAt(index)) << 4) | hexDigit(text.charCodeAt(index + 1));
    }
  }

  /** Text as UTF-8, with its length. */
  text(text: string): void {
    const { length } = text;
    this.reserve(length * 3 + 5);
    if (length <= SHORT_TEXT) {
      const start = this.position + 1;
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        this.buffer[start + index] = code;
      }
      if (index === length) {
        this.buffer[this.position] = length;
        this.position = start + length;
        return;
      }
    }
    const mark = this.begin();
    this.position += this.buffer.write(text, this.position, "utf8");
    this.end(mark);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** Opens a message or text whose length is not known yet. */
  begin(): number {
    this.reserve(1);
    return this.position++;
  }

  /** Writes the length of what follows the mark, making room where it needs more than a byte. */
  end(mark: number): void {
    const length = this.position - mark - 1;
    if (length < 0x80) {
      this.buffer[mark] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : 3;
    this.reserve(extra);
    this.buffer.copyWithin(mark + 1 + extra, mark + 1, this.position);
    this.position += extra;
    let rest = length;
    for (let index = 0; index <= extra; index++) {
      this.buffer[mark + index] = (rest & 0x7f) | (index < extra ? 0x80 : 0);
      rest >>>= 7;
    }
  }

  private reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }
}

function hexDigit(code: number): number {
  return code <= 57 ? code - 48 : (code | 32) - 87;
}
