/** What words and pairs of words mean in SQL, as one letter each; a word that is not here must count as a plain name. */

/**
 * `1` number, `n` name, `v` variable, `s` string, `f` function, `G` function only SQL has, `F` function used to attack,
 * `o` operator, `&` logic, `U` union, `E` select, `T` statement that changes or runs something, `B` order, group, having
 * or limit, `k` other keyword, `c` comment, `X` code hidden in a comment, `C` a comparison of values; else the byte.
 */
export type SqlKind = string;

const table = (rows: Readonly<Record<SqlKind, string>>): ReadonlyMap<string, SqlKind> =>
  new Map(Object.entries(rows).flatMap(([kind, words]) => words.split(",").map((w) => [w, kind])));

/** Words that mean something on their own. */
export const WORDS: ReadonlyMap<string, SqlKind> = table({
  "&": "and,or,xor",
  o: "not,like,rlike,regexp,ilike,glob,between,is,in,mod,div,isnull,notnull",
  U: "union,except,intersect",
  E: "select",
  B: "having,limit",
  k: "from,where,as,into,join,on,values,when,then,else,end,using,desc,asc,distinct,all,top,returning,outfile,dumpfile",
  v: "null,current_user,session_user,system_user,current_timestamp,current_date,localtime,sysdate,rownum",
  "1": "true,false",
});

/** Two words that mean something only together. */
export const PHRASES: ReadonlyMap<string, SqlKind> = table({
  U: "union all,union distinct,except all,intersect all",
  E: "select all,select distinct,select top,case when",
  B: "order by,group by",
  o: "not like,not in,not between,not regexp,not rlike,is not,sounds like,similar to",
  T:
    "waitfor delay,waitfor time,drop table,drop database,drop view,drop schema,drop user,drop function,drop procedure," +
    "drop index,drop trigger,create table,create user,create function,create procedure,create database,create view," +
    "create trigger,create alias,alter table,alter user,alter database,truncate table,insert into,replace into," +
    "delete from,grant all,load data,copy from,exec master,exec sp_executesql,exec xp_cmdshell,procedure analyse,into outfile,into dumpfile",
});

/** The first words of those: two of any other words are not even put together. */
export const PHRASE_OPENERS: ReadonlySet<string> = new Set(
  [...PHRASES.keys()].map((phrase) => phrase.slice(0, phrase.indexOf(" "))),
);

/** Operators that give true or false. */
export const COMPARISONS: ReadonlySet<string> = new Set(
  "<=> <> <= >= != == = < > like in is rlike regexp between".split(" "),
);

/** Words that begin a statement when a semicolon stands in front; elsewhere they are plain English. */
export const STACKED_WORDS: ReadonlySet<string> = new Set(
  "exec,execute,declare,shutdown,call,do,handler,begin,attach,pragma,update,vacuum".split(","),
);

/** Names that are functions when a parenthesis follows. */
export const FUNCTIONS: ReadonlyMap<string, SqlKind> = table({
  F:
    "sleep,pg_sleep,benchmark,extractvalue,updatexml,load_file,load_extension,xp_cmdshell,xp_dirtree,xp_regread," +
    "sp_oacreate,sp_executesql,openrowset,opendatasource,openquery,dbms_pipe.receive_message,dbms_lock.sleep," +
    "dbms_ldap.init,utl_http.request,utl_inaddr.get_host_address,utl_inaddr.get_host_name,ctxsys.drithsx.sn," +
    "pg_read_file,pg_ls_dir,lo_import,lo_export,dblink,dblink_connect,query_to_xml,database_to_xml,randomblob," +
    "sys_eval,sys_exec,get_lock,group_concat,current_setting,generate_series,json_keys,gtid_subset,has_dbaccess",
  G:
    "char,nchar,chr,ascii,unhex,concat,concat_ws,substring,substr,mid,instr,locate,ifnull,nullif,nvl,coalesce,cast," +
    "convert,varchar,to_char,to_number,string_agg,xmlagg,xmltype,rawtohex,elt,make_set,lpad,rpad,conv,found_rows," +
    "row_count,last_insert_id,is_srvrolemember,is_member,object_id,db_name,suser_name,user_name,host_name,sqlite_version",
  f:
    "user,database,schema,version,current_user,session_user,system_user,current_database,current_schema,count,sum," +
    "avg,min,max,if,iif,exists,any,some,length,len,char_length,bin,hex,ord,left,right,reverse,replace,insert,lower," +
    "upper,trim,ltrim,rtrim,now,sysdate,date,rand,random,floor,ceil,round,abs,sqrt,pow,power,exp,greatest,least," +
    "md5,sha1,sha,sha2,crc32,uuid,quote,repeat,space,strcmp,field,format,isnull,decode,encode,row,values",
});

/** By first letter: a bit for each length of a word that means something, alone or with the one before or after it. */
const LENGTHS = lengthsOf([
  ...WORDS.keys(),
  ...STACKED_WORDS,
  ...[...PHRASES.keys()].flatMap((phrase) => phrase.split(" ")),
]);

function lengthsOf(words: readonly string[]): Int32Array {
  const lengths = new Int32Array(256);
  for (const word of words) {
    const first = word.charCodeAt(0);
    lengths[first] = (lengths[first] ?? 0) | (1 << word.length);
  }
  return lengths;
}

/** False for most words, without a look at more than their first byte and length. */
export function mayMeanSomething(firstByte: number, lengthBytes: number): boolean {
  return lengthBytes < 32 && (((LENGTHS[firstByte | 0x20] ?? 0) >> lengthBytes) & 1) === 1;
}
