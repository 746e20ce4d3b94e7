//! The canonical encoding of values, over which weir_row_hash hashes: `N;` for NULL, otherwise
//! `<bytes of text>:<text>;`. It depends on the value alone and not on how Arrow holds it, and any
//! store that can print integers can produce it.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, GenericListArray, OffsetSizeTrait};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ByteArrayType, ByteViewType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};

/// Appends the encoding of the value at an index to a buffer.
pub type Encoder<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

const NAN_BITS: u64 = 0x7FF8_0000_0000_0000;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Err: the type that has no encoding.
pub fn check_type(ty: &DataType) -> Result<(), &DataType> {
    use DataType as T;
    match ty {
        T::Null | T::Boolean | T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Date32 | T::Date64 => Ok(()),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) | T::Timestamp(_, _) => Ok(()),
        T::Float16 | T::Float32 | T::Float64 => Ok(()),
        T::Decimal32(_, scale) | T::Decimal64(_, scale) | T::Decimal128(_, scale) if *scale >= 0 => Ok(()),
        T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item) | T::FixedSizeList(item, _) => {
            check_type(item.data_type())
        }
        T::Struct(fields) => fields.iter().try_for_each(|field| check_type(field.data_type())),
        T::Dictionary(_, value) => check_type(value),
        integer if integer.is_integer() => Ok(()),
        other => Err(other),
    }
}

/// Err: as for [`check_type`]. The type is looked at here, once, and not for every value.
pub fn encoder(array: &dyn Array) -> Result<Encoder<'_>, &DataType> {
    use DataType as T;
    check_type(array.data_type())?;
    Ok(match array.data_type() {
        T::Null => Box::new(|_, out| put_null(out)),
        T::Boolean => {
            let values = array.as_boolean().values();
            nullable(array, |row, out| put_text(if values.value(row) { b"1" } else { b"0" }, out))
        }
        T::Int8 => integers::<Int8Type>(array),
        T::Int16 => integers::<Int16Type>(array),
        T::Int32 => integers::<Int32Type>(array),
        T::Int64 => integers::<Int64Type>(array),
        T::UInt8 => integers::<UInt8Type>(array),
        T::UInt16 => integers::<UInt16Type>(array),
        T::UInt32 => integers::<UInt32Type>(array),
        T::UInt64 => numbers::<UInt64Type>(array, |v, out| put_digits(false, v, out)),
        T::Decimal32(_, _) => integers::<Decimal32Type>(array),
        T::Decimal64(_, _) => integers::<Decimal64Type>(array),
        T::Decimal128(_, _) => numbers::<Decimal128Type>(array, put_wide),
        T::Float16 => floats::<Float16Type>(array),
        T::Float32 => floats::<Float32Type>(array),
        T::Float64 => floats::<Float64Type>(array),
        T::Date32 => integers::<Date32Type>(array),
        T::Date64 => numbers::<Date64Type>(array, |v, out| put_integer(v.div_euclid(MILLIS_PER_DAY), out)),
        T::Timestamp(TimeUnit::Second, _) => {
            numbers::<TimestampSecondType>(array, |v, out| put_wide(i128::from(v) * 1_000_000, out))
        }
        T::Timestamp(TimeUnit::Millisecond, _) => {
            numbers::<TimestampMillisecondType>(array, |v, out| put_wide(i128::from(v) * 1_000, out))
        }
        T::Timestamp(TimeUnit::Microsecond, _) => integers::<TimestampMicrosecondType>(array),
        T::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers::<TimestampNanosecondType>(array, |v, out| put_integer(v.div_euclid(1_000), out))
        }
        other => return bytes_or_nested(array, other),
    })
}

fn bytes_or_nested<'a>(array: &'a dyn Array, ty: &'a DataType) -> Result<Encoder<'a>, &'a DataType> {
    use DataType as T;
    Ok(match ty {
        T::Utf8 => texts::<arrow::datatypes::Utf8Type>(array),
        T::LargeUtf8 => texts::<arrow::datatypes::LargeUtf8Type>(array),
        T::Utf8View => text_views::<arrow::datatypes::StringViewType>(array),
        T::Binary => texts::<arrow::datatypes::BinaryType>(array),
        T::LargeBinary => texts::<arrow::datatypes::LargeBinaryType>(array),
        T::BinaryView => text_views::<arrow::datatypes::BinaryViewType>(array),
        T::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            nullable(array, move |row, out| put_text(values.value(row), out))
        }
        T::List(_) => list(array, array.as_list::<i32>())?,
        T::LargeList(_) => list(array, array.as_list::<i64>())?,
        T::ListView(_) => {
            let lists = array.as_list_view::<i32>();
            let (offsets, sizes) = (lists.value_offsets(), lists.value_sizes());
            let range = |row: usize| (offsets[row] as usize, (offsets[row] + sizes[row]) as usize);
            elements(array, lists.values().as_ref(), range)?
        }
        T::LargeListView(_) => {
            let lists = array.as_list_view::<i64>();
            let (offsets, sizes) = (lists.value_offsets(), lists.value_sizes());
            let range = |row: usize| (offsets[row] as usize, (offsets[row] + sizes[row]) as usize);
            elements(array, lists.values().as_ref(), range)?
        }
        T::FixedSizeList(_, _) => {
            let lists = array.as_fixed_size_list();
            let size = lists.value_length() as usize;
            elements(array, lists.values().as_ref(), move |row| (row * size, (row + 1) * size))?
        }
        T::Struct(_) => {
            let fields = array.as_struct().columns().iter().map(|column| encoder(column.as_ref()));
            let fields = fields.collect::<Result<Vec<_>, _>>()?;
            nullable(array, move |row, out| put_nested(out, |out| fields.iter().for_each(|field| field(row, out))))
        }
        T::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let value = encoder(dictionary.values().as_ref())?;
            // Without values there are nulls only, and no keys to look up.
            let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            nullable(array, move |row, out| value(keys[row], out))
        }
        other => return Err(other),
    })
}

/// Encodes NULL by itself and leaves the rest to `append`.
fn nullable<'a>(array: &'a dyn Array, append: impl Fn(usize, &mut Vec<u8>) + 'a) -> Encoder<'a> {
    let nulls: Option<&NullBuffer> = array.nulls();
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => Box::new(append),
        Some(nulls) => Box::new(move |row, out| if nulls.is_null(row) { put_null(out) } else { append(row, out) }),
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    put: impl Fn(T::Native, &mut Vec<u8>) + 'a,
) -> Encoder<'a> {
    let values: &[T::Native] = array.as_primitive::<T>().values();
    nullable(array, move |row, out| put(values[row], out))
}

fn integers<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array) -> Encoder<'_> {
    numbers::<T>(array, |value, out| put_integer(value.into(), out))
}

fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(array: &dyn Array) -> Encoder<'_> {
    numbers::<T>(array, |value, out| {
        let value: f64 = value.into();
        let bits = if value.is_nan() { NAN_BITS } else { value.to_bits() };
        put_integer(bits.cast_signed(), out)
    })
}

fn texts<T: ByteArrayType<Native: AsRef<[u8]>>>(array: &dyn Array) -> Encoder<'_> {
    let values = array.as_bytes::<T>();
    nullable(array, move |row, out| put_text(values.value(row).as_ref(), out))
}

fn text_views<T: ByteViewType<Native: AsRef<[u8]>>>(array: &dyn Array) -> Encoder<'_> {
    let values = array.as_byte_view::<T>();
    nullable(array, move |row, out| put_text(values.value(row).as_ref(), out))
}

fn list<'a, O: OffsetSizeTrait>(
    array: &'a dyn Array,
    lists: &'a GenericListArray<O>,
) -> Result<Encoder<'a>, &'a DataType> {
    let offsets = lists.value_offsets();
    elements(array, lists.values().as_ref(), move |row| (offsets[row].as_usize(), offsets[row + 1].as_usize()))
}

/// Lists of whatever layout: `range` tells which of `values` are those of a row.
fn elements<'a>(
    array: &'a dyn Array,
    values: &'a dyn Array,
    range: impl Fn(usize) -> (usize, usize) + 'a,
) -> Result<Encoder<'a>, &'a DataType> {
    let element = encoder(values)?;
    Ok(nullable(array, move |row, out| {
        let (first, end) = range(row);
        put_nested(out, |out| (first..end).for_each(|i| element(i, out)));
    }))
}

fn put_null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"N;");
}

fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend_from_slice(text);
    out.push(b';');
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    let mut scratch = [b':'; 21];
    let at = write_digits(length as u64, &mut scratch, 20);
    out.extend_from_slice(&scratch[at..]);
}

/// The length of what `put` appends is known afterwards only, so it moves in front at the end.
fn put_nested(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    put(out);
    let end = out.len();
    put_length(end - start, out);
    let prefix = out.len() - end;
    out[start..].rotate_right(prefix);
    out.push(b';');
}

fn put_integer(value: i64, out: &mut Vec<u8>) {
    put_digits(value < 0, value.unsigned_abs(), out);
}

fn put_wide(value: i128, out: &mut Vec<u8>) {
    match i64::try_from(value) {
        Ok(value) => put_integer(value, out),
        Err(_) => put_text(value.to_string().as_bytes(), out),
    }
}

/// Written from the end, so that the buffer grows once by the whole of it.
fn put_digits(negative: bool, magnitude: u64, out: &mut Vec<u8>) {
    // At most 2 digits of length, a colon, a sign, 20 digits, a semicolon.
    const SIZE: usize = 25;
    let mut scratch = [b';'; SIZE];
    let mut at = write_digits(magnitude, &mut scratch, SIZE - 1);
    if negative {
        at -= 1;
        scratch[at] = b'-';
    }
    let length = SIZE - 1 - at;
    at -= 1;
    scratch[at] = b':';
    at = write_digits(length as u64, &mut scratch, at);
    out.extend_from_slice(&scratch[at..]);
}

/// Writes the decimal digits of `value` so that they end before `end`; returns where they begin.
fn write_digits(mut value: u64, scratch: &mut [u8], end: usize) -> usize {
    let mut at = end;
    loop {
        at -= 1;
        scratch[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return at;
        }
    }
}
